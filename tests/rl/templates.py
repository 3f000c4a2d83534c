"""Chat templates as models have them, each small enough to be read at once."""

_CHATML_TURN = "{{ '<|im_start|>' + m.role + '\\n' + m.content }}"
_CALLS = (
    "{%- for c in m.tool_calls or [] %}{{ '\\n<tool_call>' + c.function.name + "
    "(c.function.arguments | tojson) + '</tool_call>' }}{%- endfor %}"
)
_ASK = "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}"

KEEPS = (
    "{%- for m in messages %}" + _CHATML_TURN + _CALLS + "{{ '<|im_end|>\\n' }}{%- endfor %}" + _ASK
)
"""ChatML with everything left as it is."""

STRIPS = (
    "{%- for m in messages %}{%- set said = m.content.split('</think>')[-1].lstrip('\\n') %}"
    "{%- set shown = m.content if loop.last or m.role != 'assistant' else said %}"
    "{{ '<|im_start|>' + m.role + '\\n' + shown + '<|im_end|>\\n' }}{%- endfor %}" + _ASK
)
"""Leaves out the thoughts of all turns but the last."""

ALWAYS_STRIPS = STRIPS.replace("m.content if loop.last or m.role != 'assistant' else said", "said")
"""Leaves out the thoughts of every turn."""

OPENS = KEEPS.replace("<|im_start|>assistant\\n", "<|im_start|>assistant\\n<think>\\n")
"""Opens the thinking, and shows turns without the mark: so it is written only once."""

OPENS_AND_SHOWS = (
    "{%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}"
    "{%- if m.role == 'assistant' and '</think>' in m.content %}{{ '<think>\\n' }}{%- endif %}"
    "{{ m.content + '<|im_end|>\\n' }}{%- endfor %}"
    + _ASK.replace("assistant\\n", "assistant\\n<think>\\n")
)
"""Opens the thinking, in earlier turns too."""

ENDLESS = (
    "{%- for m in messages %}{%- set name = 'observation' if m.role == 'tool' else m.role %}"
    "{{ '<|' + name + '|>\\n' + m.content }}{%- for c in m.tool_calls or [] %}"
    "{{ '<tool_call>' + c.function.name + '\\n' + c.function.arguments.x + '</tool_call>' }}"
    "{%- endfor %}{%- endfor %}{%- if add_generation_prompt %}{{ '<|assistant|>\\n' }}{%- endif %}"
)
"""Turns have no end but the mark that opens the next one."""

CALL_ENDS = (
    "{%- for m in messages %}"
    "{%- set last = messages[loop.index0 - 1] %}"
    "{%- if m.role == 'tool' and not last.tool_calls and last.role != 'tool' %}"
    "{{ raise_exception('a tool has to be called first') }}{%- endif %}"
    "{{ '<|' + m.role + '|>' + m.content }}{%- for c in m.tool_calls or [] %}"
    "{{ ' to=' + c.function.name + ' ' + (c.function.arguments | tojson) }}{%- endfor %}"
    "{{ '<|call|>' if m.tool_calls else '<|end|>' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|assistant|>' }}{%- endif %}"
)
"""A call ends with a mark of its own, and what a tool says with another."""

NO_TOOLS = (
    "{%- for m in messages %}{%- if m.role not in ['user', 'assistant'] or "
    "(m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{%- endif %}{%- endfor %}" + KEEPS
)
"""Refuses results of tools."""

DROPS_TOOLS = (
    "{%- for m in messages if m.role != 'tool' %}"
    + _CHATML_TURN
    + "{{ '<|im_end|>\\n' }}{%- endfor %}"
    + _ASK
)
"""Leaves out results of tools without a word."""

PICKY = (
    "{%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}{%- if m.content is none %}"
    "{%- for c in m.tool_calls %}{{ c.function.name + ': ' + c.function.arguments + '\\n' }}"
    "{%- endfor %}{%- else %}{{ m.content }}{%- endif %}{{ '<|im_end|>\\n' }}{%- endfor %}" + _ASK
)
"""Shows calls only of turns whose content is none, with arguments as text."""

ROUNDS = (
    "{%- set ns = namespace(first=true) %}{%- for m in messages %}"
    "{%- if m.role == 'tool' %}{{ '<|tool|>' if ns.first else '\\n' }}{%- set ns.first = false %}"
    "{%- else %}{{ '<|' + m.role + '|>' }}{%- endif %}{{ m.content + '<|end|>' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|assistant|>' }}{%- endif %}"
)
"""Marks only the first result of a conversation, so that later ones read otherwise."""

REFORMATS = (
    "{%- for m in messages %}{{ '<|' + m.role + '|>' }}"
    "{%- set parts = m.content.split('</think>') %}"
    "{%- if m.role == 'assistant' %}"
    "{%- set thought = parts[0].split('<think>')[-1].strip() if parts | length > 1 else '' %}"
    "{{ '\\n<think>' + thought + '</think>\\n' + parts[-1].strip() }}"
    "{%- else %}{{ m.content }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|assistant|>' }}{%- endif %}"
)
"""Writes thoughts, and their absence, with spaces of its own."""

CLOSES = (
    "{%- for m in messages %}{{ '<|' + m.role + '|>' }}{%- if m.role == 'assistant' %}"
    "{{ '</think>' }}{%- endif %}{{ m.content.split('</think>')[-1] + '<|end|>' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|assistant|></think>' }}{%- endif %}"
)
"""Closes the thinking before the policy speaks, and strips thoughts, of which there are none."""

WRITES_ANEW = (
    "{%- for m in messages %}"
    "{%- set said = m.content.replace('<think>', '(').replace('</think>', ')') %}"
    "{%- set shown = m.content if loop.last or m.role != 'assistant' else said %}"
    "{{ '<|im_start|>' + m.role + '\\n' + shown + '<|im_end|>\\n' }}{%- endfor %}" + _ASK
)
"""Writes the thoughts of all turns but the last in another way."""

QUOTES = WRITES_ANEW.replace(
    "m.content.replace('<think>', '(').replace('</think>', ')')",
    "m.content if '</think>' in m.content else '(' + m.content + ')'",
)
"""Writes turns without thoughts, but for the last, in another way."""

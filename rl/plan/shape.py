"""The shape of a model, from its config.json: parameters, FLOPs and KV cache follow from it.

Guarantees: no weights are read and nothing is downloaded; what the formulas do not describe (latent
or linear attention) is refused by name.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rl.errors import ModelError
from rl.plan.known import KNOWN

ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "hidden_size": ("n_embd", "d_model"),
    "num_hidden_layers": ("n_layer", "num_layers"),
    "num_attention_heads": ("n_head", "num_heads"),
    "num_key_value_heads": ("num_kv_heads",),
    "intermediate_size": ("ffn_hidden_size",),
    "num_experts": ("num_local_experts", "n_routed_experts"),
    "num_experts_per_tok": ("moe_topk",),
    "first_k_dense_replace": ("num_dense_layers",),
}
"""Other names of the keys of a config.json."""
QK_NORM: Final = ("qwen3", "qwen3_moe", "olmo2")
"""Model types that normalise queries and keys a head."""
REFUSED: Final[Mapping[str, str]] = {
    "kv_lora_rank": "latent attention (MLA)",
    "linear_num_value_heads": "linear attention",
    "mamba_d_state": "Mamba layers",
    "ssm_state_size": "Mamba layers",
}
"""Keys of what the formulas do not describe."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A decoder of attention and gated feed-forward layers, dense or a mixture of experts.

    Attributes:
        name: what it is called.
        layers: decoder layers.
        hidden: size of the residual stream.
        heads: query heads.
        kv_heads: key and value heads.
        head_dim: size of a head.
        intermediate: size of a dense layer's feed-forward part.
        vocabulary: rows of the embedding.
        tied: whether embedding and head are one matrix.
        qk_norm: whether queries and keys are normalised a head.
        qkv_bias: whether their projections have biases.
        experts: of a layer; 0: dense.
        active_experts: that a token visits.
        expert_intermediate: size of one expert.
        shared_intermediate: size of all experts that every token visits.
        dense_layers: layers without experts, where the others have them.
    """

    name: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    tied: bool = False
    qk_norm: bool = False
    qkv_bias: bool = False
    experts: int = 0
    active_experts: int = 0
    expert_intermediate: int = 0
    shared_intermediate: int = 0
    dense_layers: int = 0

    @property
    def queries(self) -> int:
        """Size of all query heads together."""
        return self.heads * self.head_dim

    @property
    def keys(self) -> int:
        """Size of all key heads together, and of all value heads."""
        return self.kv_heads * self.head_dim

    @property
    def sparse_layers(self) -> int:
        """Layers with experts."""
        return self.layers - self.dense_layers if self.experts else 0

    @property
    def attention_matrices(self) -> int:
        """Parameters of one layer's four projections."""
        return 2 * self.hidden * (self.queries + self.keys)

    @property
    def embedding(self) -> int:
        """Parameters of the embedding, and of the head."""
        return self.vocabulary * self.hidden

    @property
    def parameters(self) -> int:
        """All, tied ones once."""
        return self._of_all_layers(self.experts) + self._outside(heads=1 if self.tied else 2)

    @property
    def active_parameters(self) -> int:
        """Those that a token is multiplied by: experts that it visits, and the head once."""
        return self._of_all_layers(self.active_experts) + self._outside(heads=1)

    @property
    def layer_parameters(self) -> int:
        """Of the largest layer."""
        return self._of_layer(self.experts)

    def kv_bytes(self, width: int) -> int:
        """KV cache of one token over all layers, bytes, at `width` bytes a number."""
        return 2 * self.layers * self.keys * width

    def _of_all_layers(self, experts: int) -> int:
        dense = self.layers - self.sparse_layers
        return dense * self._of_layer(0) + self.sparse_layers * self._of_layer(experts)

    def _of_layer(self, experts: int) -> int:
        norms = 2 * self.hidden + (2 * self.head_dim if self.qk_norm else 0)
        biases = self.queries + 2 * self.keys if self.qkv_bias else 0
        rest = norms + biases + self.attention_matrices
        if not experts:
            return rest + 3 * self.hidden * self.intermediate
        inner = experts * self.expert_intermediate + self.shared_intermediate
        return rest + self.hidden * self.experts + 3 * self.hidden * inner

    def _outside(self, heads: int) -> int:
        return heads * self.embedding + self.hidden


def shape_of(path: str) -> Shape:
    """The shape of a model folder, or of a public model by its name on the Hugging Face hub.

    Raises:
        ModelError: there is neither, or the model has parts that are not described here.
    """
    if path == "builtin:tiny":
        return Shape(path, 4, 128, 4, 2, 32, 384, 104, tied=True, qk_norm=True)
    folder = Path(path)
    if folder.is_dir():
        return described(_read(folder / "config.json"), path)
    by_name = {name.lower(): config for name, config in KNOWN.items()}
    config = by_name.get(path.lower()) or by_name.get(path.rpartition("/")[2].lower())
    if config is not None:
        return described(config, path)
    cached = _cached(path)
    if cached is not None:
        return described(_read(cached), path)
    raise ModelError(
        f"the shape of the model {path!r} is not known here: give a folder with its config.json, "
        f"or one of {', '.join(KNOWN)}; check model.path"
    )


def described(config: Mapping[str, Any], name: str) -> Shape:
    """The shape that the keys of a config.json say.

    Raises:
        ModelError: a key is missing, or the model has parts that are not described here.
    """
    config = config.get("text_config") or config
    for key, what in REFUSED.items():
        if config.get(key):
            raise ModelError(f"{name} has {what}, which a plan cannot describe yet")

    def number(key: str, default: int | None = None) -> int:
        for one in (key, *ALIASES.get(key, ())):
            if config.get(one) is not None:
                return int(config[one])
        if default is None:
            raise ModelError(f"{name}: its config.json has no {key}; check model.path")
        return default

    hidden, heads = number("hidden_size"), number("num_attention_heads")
    layers, experts = number("num_hidden_layers"), number("num_experts", 0)
    kind = str(config.get("model_type", ""))
    intermediate = number("intermediate_size")
    each = number("moe_intermediate_size", intermediate) if experts else 0
    shared = number("shared_expert_intermediate_size", number("n_shared_experts", 0) * each)
    return Shape(
        name=name,
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=number("num_key_value_heads", heads),
        head_dim=number("head_dim", hidden // heads),
        intermediate=intermediate,
        vocabulary=number("vocab_size"),
        tied=bool(config.get("tie_word_embeddings", kind.startswith("gemma"))),
        qk_norm=kind in QK_NORM,
        qkv_bias=bool(config.get("attention_bias", kind == "qwen2")),
        experts=experts,
        active_experts=number("num_experts_per_tok", 0),
        expert_intermediate=each,
        shared_intermediate=shared if experts else 0,
        dense_layers=_dense_layers(config, layers, number("first_k_dense_replace", 0)),
    )


def _dense_layers(config: Mapping[str, Any], layers: int, first: int) -> int:
    """How many layers of a mixture of experts have none."""
    step = int(config.get("decoder_sparse_step") or 1)
    only = set(config.get("mlp_only_layers") or ())
    return sum(i < first or i in only or (i + 1) % step > 0 for i in range(layers))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}); check model.path") from error
    if not isinstance(found, dict):
        raise ModelError(f"{path} does not hold a JSON object; check model.path")
    return found


def _cached(path: str) -> Path | None:
    """The config.json of a hub model that was downloaded before."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(path, "config.json")
    except HFValidationError:
        return None
    return Path(found) if isinstance(found, str) else None

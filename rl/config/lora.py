"""Settings of low-rank adapters."""

from typing import Literal, Self

from pydantic import Field, model_validator

from rl.config.section import Section


class LoraConfig(Section):
    """Train low-rank adapters on a frozen base model (LoRA, arXiv:2106.09685)."""

    rank: int = Field(default=0, ge=0, le=512)
    """Rank of the adapters; 0: none, all weights are trained."""
    alpha: float = Field(default=32.0, gt=0)
    """An adapter's product is scaled by alpha / rank."""
    targets: list[str] = ["all-linear"]
    """Names of the linear layers that get one, such as `q_proj`; `all-linear`: every one but the
    output layer."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of an adapter's inputs that is dropped in training."""
    sync: Literal["auto", "merge", "adapter"] = "auto"
    """How engines get them: `merge`: added to the base in float32, the sum travels; `adapter`:
    alone, applied by vLLM beside the base; auto: `adapter` in bf16, where sums lose small changes,
    unless the base is quantised, else `merge`."""
    quantize: Literal["none", "nf4"] = "none"
    """`nf4`: keep the frozen base in 4 bits (QLoRA, arXiv:2305.14314; GPU hosts)."""
    export: Literal["merged", "adapter"] = "merged"
    """What RUN_DIR/model is: a whole model, or adapters for peft to put on `model.path`."""

    @property
    def on(self) -> bool:
        """Whether there are adapters."""
        return self.rank > 0

    @model_validator(mode="after")
    def _settings_have_an_adapter(self) -> Self:
        if not self.on and self != LoraConfig.model_construct():
            raise ValueError("these settings are of adapters: set rank above 0, such as 16")
        return self

    @model_validator(mode="after")
    def _quantized_bases_are_merged(self) -> Self:
        if self.quantize != "none" and self.sync == "adapter":
            raise ValueError(
                "quantize=nf4 needs sync=merge: engines load the base as it is in model.path, "
                "not as the learner rounds it"
            )
        return self

    @model_validator(mode="after")
    def _targets_are_named(self) -> Self:
        if not self.targets:
            raise ValueError("targets is empty: name layers, or write [all-linear]")
        if "all-linear" in self.targets and len(self.targets) > 1:
            raise ValueError("targets: all-linear stands alone, it names every layer already")
        return self

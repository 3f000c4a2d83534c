"""vLLM's worker on a GPU, with what Plumb asks of it."""

from vllm.v1.worker.gpu_worker import Worker

from rl.engines.logprobs import WholeLogprobs


class CudaRolloutWorker(WholeLogprobs, Worker):
    """vLLM's own, which can keep log-probabilities whole."""

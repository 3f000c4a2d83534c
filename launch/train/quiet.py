"""What libraries say of themselves, kept off the terminal."""

import logging


def without_announcements() -> None:
    """Keep DeepSpeed, which transformers imports, from announcing that it found no accelerator."""
    logging.getLogger("DeepSpeed").addFilter(lambda record: record.levelno > logging.WARNING)

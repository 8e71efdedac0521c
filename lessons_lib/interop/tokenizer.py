"""The corpus's tokenizer as the `tokenizers` library reads it: a few JSON files, nothing trained.

A token is one character, or one special name in angle brackets. So the file says: cut out the special names,
split the rest into single characters, look each up; and when text is made again, put nothing between them.
There is no unknown token, as there is none in our vocabulary: a strange character is an error there, too.
"""

from collections.abc import Sequence
from typing import Any

from lessons_lib.corpus import Corpus
from lessons_lib.corpus.tokenizer import SPARES, SPECIALS, Vocabulary
from lessons_lib.signatures import checked


@checked(vocab_size="1..")
def names_of(tokenizer: Corpus | Vocabulary | None, vocab_size: int) -> tuple[str, ...] | None:
    """Return the names of all tokens, an id each; None for a model whose vocabulary is not known.

    Without a `tokenizer` it is the course's, if that has `vocab_size` tokens. ValueError for one that has
    more tokens than the model.
    """
    if tokenizer is None:
        vocabulary = Vocabulary()
        return vocabulary.names if len(vocabulary) == vocab_size else None
    n = tokenizer.vocab_size if isinstance(tokenizer, Corpus) else len(tokenizer)
    if n > vocab_size:
        raise ValueError(f"the tokenizer has {n} tokens, the model only {vocab_size}")
    return tuple(tokenizer.decode([i]) for i in range(n))


@checked(max_seq_len="1..")
def tokenizer_files(names: Sequence[str], max_seq_len: int) -> dict[str, dict[str, Any]]:
    """Return the content of `tokenizer.json` and `tokenizer_config.json`."""
    special = [i for i, name in enumerate(names) if name in SPECIALS + SPARES]
    alike = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i, "content": names[i], **alike} for i in special],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Split",
            "pattern": {"Regex": "[\\s\\S]"},  # any character, a line's end too
            "behavior": "Isolated",
            "invert": False,
        },
        "post_processor": None,
        "decoder": {"type": "Fuse"},
        "model": {
            "type": "WordLevel",
            "vocab": {name: i for i, name in enumerate(names)},
            "unk_token": "<no unknown token>",
        },
    }
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": max_seq_len,
        "pad_token": "<pad>",
        "padding_side": "left",  # a text is continued at its right end
        "eos_token": "<eos>",
        "clean_up_tokenization_spaces": False,
    }
    return {"tokenizer.json": tokenizer, "tokenizer_config.json": settings}

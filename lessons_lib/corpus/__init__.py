"""What the model reads: domains made by rule, whose entropy is known exactly, or your own text."""

from .corpus import Corpus, build_corpus
from .source import Floor

__all__ = ["Corpus", "Floor", "build_corpus"]

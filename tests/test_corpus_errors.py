"""What the corpus refuses: one sentence each, with the names and numbers that are needed."""

import pytest
import torch

from lessons_lib.config import CorpusConfig
from lessons_lib.corpus import Corpus, build_corpus
from lessons_lib.corpus.tokenizer import SPARES, SPECIALS, Vocabulary


@pytest.fixture(scope="module")
def corpus():
    return Corpus(domains=["copy", "facts"])


def test_unknown_and_repeated_domains_are_named():
    with pytest.raises(ValueError, match="no domain is called 'chess'; there are .*arithmetic.*copy"):
        Corpus(domains=["copy", "chess"])
    with pytest.raises(ValueError, match="'copy' is named 2 times"):
        Corpus(domains=["copy", "facts", "copy"])
    with pytest.raises(ValueError, match="a corpus needs a domain; there are .*arithmetic"):
        Corpus(domains=[])
    with pytest.raises(TypeError, match="must be an iterable of text or None, got 'copy'"):
        Corpus(domains="copy")


def test_languages_need_a_tag_each():
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        Corpus.languages(n=0)
    with pytest.raises(ValueError, match="n=27 languages are too many: there are 26 tags"):
        Corpus.languages(n=27)


def test_a_corpus_of_languages_has_no_named_domains():
    with pytest.raises(ValueError, match="domains=\\('copy',\\) name mixed ones"):
        build_corpus(CorpusConfig(kind="languages", domains=("copy",)))


def test_seeds_are_whole_numbers_from_zero_on():
    with pytest.raises(ValueError, match="between 0 and 2\\*\\*63 - 1, got -1"):
        Corpus(seed=-1)
    with pytest.raises(TypeError, match="seed must be a whole number, got 0.5"):
        Corpus.languages(seed=0.5)


def test_a_batch_needs_positive_sizes_and_a_generator(corpus):
    generator = torch.Generator()
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        corpus.batch(0, 5, generator)
    with pytest.raises(ValueError, match="length must be at least 1, got -2"):
        corpus.batch(5, -2, generator)
    with pytest.raises(TypeError, match="length must be a whole number, got 2.5"):
        corpus.batch(5, 2.5, generator)
    with pytest.raises(TypeError, match="generator must be a Generator, got 0"):
        corpus.batch(5, 5, 0)
    with pytest.raises(ValueError, match="length must be at least 1, got 0"):
        corpus.entropy_floor(0)


def test_log_probs_needs_windows_and_their_domains(corpus):
    tokens, ids = corpus.batch(4, 6, torch.Generator().manual_seed(0))
    with pytest.raises(TypeError, match="tokens must be an int64 tensor, got torch.float32"):
        corpus.log_probs(tokens.float(), ids)
    with pytest.raises(TypeError, match="domain ids must be an int64 tensor, got list"):
        corpus.log_probs(tokens, ids.tolist())
    with pytest.raises(ValueError, match=r"tokens must be \(size, length \+ 1\).*got \(7,\)"):
        corpus.log_probs(tokens[0], ids)
    with pytest.raises(ValueError, match=r"length at least 1, got \(4, 1\)"):
        corpus.log_probs(tokens[:, :1], ids)
    with pytest.raises(ValueError, match=r"4 windows need as many domain ids, got shape \(3,\)"):
        corpus.log_probs(tokens, ids[:3])
    with pytest.raises(ValueError, match="domain ids must be in 0..1, got 2 to 2"):
        corpus.log_probs(tokens, torch.full_like(ids, 2))
    with pytest.raises(ValueError, match="a window of domain 0 \\(copy\\) begins with 'C', not 'F'"):
        corpus.log_probs(tokens.fill_(corpus.token("F")), torch.zeros_like(ids))
    with pytest.raises(ValueError, match=f"token ids must be in 0..{corpus.vocab_size - 1}"):
        corpus.log_probs(tokens.fill_(corpus.vocab_size), ids)


def test_an_impossible_token_has_minus_infinity_and_so_has_the_rest(corpus):
    window = torch.tensor([corpus.encode("Cabc|")])  # a word of the copy domain is longer than this
    scored = corpus.log_probs(window, torch.tensor([0]))[0]
    assert torch.isfinite(scored).tolist() == [True, True, True, False]
    scored = corpus.log_probs(torch.tensor([corpus.encode("Ca?cd")]), torch.tensor([0]))[0]
    assert torch.isfinite(scored).tolist() == [True, False, False, False]


def test_next_token_odds_need_a_possible_prefix(corpus):
    with pytest.raises(ValueError, match="this domain cannot write '\\?' at position 2"):
        corpus.next_token_probs(torch.tensor(corpus.encode("Ca?")), 0)
    with pytest.raises(ValueError, match="begins with 'C', not 'a'"):
        corpus.next_token_probs(torch.tensor(corpus.encode("ab")), 0)
    with pytest.raises(ValueError, match="domain id 2 is not in 0..1"):
        corpus.next_token_probs(torch.tensor(corpus.encode("C")), 2)
    with pytest.raises(ValueError, match="at least one"):
        corpus.next_token_probs(torch.tensor([], dtype=torch.int64), 0)


def test_special_names_come_first_and_are_one_token_each():
    vocabulary = Vocabulary()
    assert vocabulary.names[: len(SPECIALS + SPARES)] == SPECIALS + SPARES
    assert len(SPARES) == 16
    assert len(set(vocabulary.names)) == len(vocabulary)
    text = "A3+5=<think>3+5=8;</think><answer>8</answer><eos><pad><spare_15>Zz. \n"
    ids = vocabulary.encode(text)
    assert len(ids) == 24  # 7 of them special names
    assert vocabulary.decode(ids) == text
    assert vocabulary.decode(torch.tensor(ids)) == text
    everything = list(range(len(vocabulary)))
    assert vocabulary.encode(vocabulary.decode(everything)) == everything


def test_unknown_characters_and_ids_are_named_with_their_place(corpus):
    with pytest.raises(ValueError, match="character 'é' at position 9 is not among the 106 tokens"):
        corpus.encode("<eos>caf\n" + "é")
    with pytest.raises(ValueError, match="id 106 at position 1 is outside this vocabulary of 106"):
        corpus.decode([0, 106])
    with pytest.raises(ValueError, match="id -1 at position 0"):
        corpus.decode(torch.tensor([-1]))
    with pytest.raises(ValueError, match="'<end>' is not a token"):
        corpus.token("<end>")


@pytest.fixture
def text_file(tmp_path):
    def write(data: bytes):
        path = tmp_path / "notes.txt"
        path.write_bytes(data)
        return path

    return write


def test_a_text_file_gives_windows_of_itself(text_file):
    text = "to be, or not to be: that is the question<eos>é"
    corpus = Corpus.from_text(text_file(text.encode()))
    assert corpus.domains == ("text",)
    assert corpus.encode("<pad>") == [0] and corpus.token("<eos>") == 1
    assert corpus.decode(corpus.encode(text)) == text
    tokens, ids = corpus.batch(500, 6, torch.Generator().manual_seed(0))
    assert tokens.shape == (500, 7) and ids.tolist() == [0] * 500
    windows = {corpus.decode(row) for row in tokens}
    assert all(window in text for window in windows)
    length = len(corpus.encode(text))
    assert len(windows) == length - 6  # every place was drawn, the first and the last too
    whole, _ = corpus.batch(1, length - 1, torch.Generator().manual_seed(0))
    assert corpus.decode(whole[0]) == text


def test_a_text_file_has_no_floor(text_file):
    corpus = Corpus.from_text(text_file(b"abcabc"))
    assert corpus.entropy_floor(3) is None
    tokens, ids = corpus.batch(2, 3, torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match="nobody knows the process that wrote this text"):
        corpus.log_probs(tokens, ids)
    with pytest.raises(ValueError, match="nobody knows the process that wrote this text"):
        corpus.next_token_probs(tokens[0], 0)


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "notes.txt is empty"),
        (b"\x89PNG\0\0", r"notes.txt is binary \(byte 0 at position 4\)"),
        (b"caf\xe9", r"notes.txt is binary or not UTF-8 \(byte 0xe9 at position 3\)"),
        (b"a", "notes.txt has 1 token; the shortest window takes 2"),
        (b"\xef\xbb\xbf", "notes.txt is empty"),
    ],
)
def test_a_text_file_that_is_none_is_refused_by_name(text_file, data, message):
    with pytest.raises(ValueError, match=message):
        Corpus.from_text(text_file(data))


def test_a_text_file_shorter_than_a_window_is_refused_by_name(text_file):
    corpus = Corpus.from_text(text_file(b"too short"))
    with pytest.raises(ValueError, match="notes.txt has 9 tokens, fewer than the 10 of one window"):
        corpus.batch(1, 9, torch.Generator())  # one token too few; length 8 takes the whole text


def test_a_character_that_a_text_file_does_not_have_is_refused_in_encode_too(text_file):
    corpus = Corpus.from_text(text_file(b"abc abd"))
    with pytest.raises(ValueError, match=r"character 'z' at position 2 is not among the \d+ tokens"):
        corpus.encode("abz")


def test_a_missing_text_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing.txt"):
        Corpus.from_text(tmp_path / "missing.txt")

"""Movies by title: what the artefacts tell of them, and finding one by a part of its title."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

# Letters that Unicode does not take apart into a base and a mark.
_LETTERS: Final = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th"})
_NO_WORD: Final = re.compile(r"[^\w]+")


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One movie.

    Attributes:
        movie_id: In full form.
        title: None where no artefact carries it.
        genres: Empty likewise.
    """

    movie_id: str
    title: str | None
    genres: tuple[str, ...]


class Catalogue:
    """All movies that the loaded models know, the most rated first."""

    def __init__(self, movie_ids: Iterable[str], titles: Mapping[str, Mapping[str, Any]]) -> None:
        """Index movies.

        Args:
            movie_ids: In the order in which equally good finds are told; repetitions are left out.
            titles: `{"title": ..., "genres": [...]}` by movie id, of as many as are known.
        """
        self._entries = {movie_id: _entry(movie_id, titles.get(movie_id)) for movie_id in movie_ids}
        # A blank before each word: a search for the beginning of one is a search for a substring. One text
        # with a line for each movie: most movies are passed over without a step of the interpreter.
        self._in_order = list(self._entries.values())
        lines = [f" {fold(entry.title or '')} {fold(entry.movie_id)}" for entry in self._in_order]
        self._text = "\n".join(lines)
        self._starts = list(accumulate((len(line) + 1 for line in lines), initial=0))

    def __len__(self) -> int:
        return len(self._entries)

    def entry(self, movie_id: str) -> CatalogueEntry:
        """The movie; without a title where the catalogue does not have it."""
        return self._entries.get(movie_id) or CatalogueEntry(movie_id, None, ())

    def search(self, query: str, limit: int) -> list[CatalogueEntry]:
        """Movies whose title or id holds every word of `query`, accents and case aside.

        The movie whose whole id it is comes first. Then titles that begin with the query, the movie whose
        number it is, titles in which each of its words begins a word, and the rest; equals in the order of
        the catalogue. Nothing to look for finds everything.

        Args:
            query: Words, or parts of words.
            limit: Finds to tell at most.
        """
        words = fold(query).split()
        if not words:
            return self._in_order[:limit]
        beginning = f" {' '.join(words)}"
        starts = [f" {word}" for word in words]
        ranks: tuple[list[CatalogueEntry], ...] = ([], [], [], [], [])
        for place in self._places(max(words, key=len)):
            line = self._text[self._starts[place] : self._starts[place + 1] - 1]
            if not all(word in line for word in words):
                continue
            entry = self._in_order[place]
            if entry.movie_id == query:
                rank = 0
            elif line.startswith(beginning):
                rank = 1
            elif len(words) == 1 and _is_number(words[0], entry.movie_id):
                rank = 2
            else:
                rank = 3 if all(start in line for start in starts) else 4
            ranks[rank].append(entry)
        return [entry for rank in ranks for entry in rank][:limit]

    def _places(self, word: str) -> Iterator[int]:
        """Places of the movies whose line holds `word`."""
        found = self._text.find(word)
        while found >= 0:
            place = bisect_right(self._starts, found) - 1
            yield place
            found = self._text.find(word, self._starts[place + 1])


def fold(text: str) -> str:
    """`text` as it is searched: no accents, no case, words with one blank between them."""
    text = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", text.casefold())
        if not unicodedata.combining(letter)
    )
    return " ".join(_NO_WORD.sub(" ", text.translate(_LETTERS)).replace("_", " ").split())


def _is_number(word: str, movie_id: str) -> bool:
    """Whether `movie_id` is a prefix and this number."""
    return word.isdecimal() and movie_id.endswith(word) and not movie_id[: -len(word)][-1:].isdecimal()


def _entry(movie_id: str, known: Mapping[str, Any] | None) -> CatalogueEntry:
    if known is None:
        return CatalogueEntry(movie_id, None, ())
    title = known.get("title")
    genres = known.get("genres") or ()
    return CatalogueEntry(movie_id, str(title) if title else None, tuple(str(genre) for genre in genres))

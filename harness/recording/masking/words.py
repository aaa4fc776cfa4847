"""
Makes up words to replace those that people and models wrote.

A word, a number or a mark of letters and digits is replaced by one of the same length, script, case and number of
bytes, the same everywhere, so that equal texts stay equal and repetitions stay repetitions. Of scripts without
spaces, such as Chinese, each is chosen by itself and its predecessor.  White space, punctuation and what rules look
for (``KEPT``) stay.

The choice depends on a seed.  Anyone who knows it can test guesses; without it no replacement can be traced back,
but the number and order of words stay visible, as in any substitution.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from hashlib import blake2b
from itertools import product
from random import Random

from harness.recording.masking.escapes import Escapes

_TAGS = (
    "think|thinking|thoughts?|reasoning|[a-z]\\w*:think(?:ing)?|longcat_think|think_intent|think_fast(?:er)?|scratchpad|answer|response|tool|tools|tool_calls?|tool_response"
    "|function_calls?|function|parameter|invoke|minimax:tool_call|seed:tool_call|arg_key|arg_value|start_of_turn"
    "|end_of_turn|eos|bos|s|b|i|p|br|pre|code|html|body|head|title|h1|center|hr|details|summary|reason|inner_monologue|analysis|reflection|pad|unk|end_of_utterance"
)
_CALLS = (
    "name|arguments|args|parameters|params|input|action|action_input|tool|tool_name|tool_input|function|function_name"
    "|recipient_name|kwargs|properties|type|object|choices|candidates|error|detail|message|code|status|pattern|patternProperties|uniqueItems"
)  # keys that rules look for
_PLAIN = (
    "none|null|undefined|nan|infinity|nil|true|false|html|xml|json|escape|escaped|dialog|dialogs|dialogue|dialogues"
    "|conversation|conversations|transcript|transcripts|script|scripts|interview|interviews|chat|chats"
)
"""Words that stay everywhere: literal values, and the likely subjects of a question."""
_ROLES = "Human|User|USER|user|Assistant|ASSISTANT|assistant|Response"
_THOUGHT = "I'm|I need|I'll|I should|I want|I think|I have|The user"
_HEADING = "(?:Thinking|Thoughts?|Reasoning)"
KEPT = (
    r"\A\s*\[\s*\{\s*[\"']type[\"']\s*:\s*[\"'](?:text|output_text)[\"']\s*,\s*[\"']text[\"']\s*:"
    r"|\A\s*(?:assistant|model|ASSISTANT|user|USER)(?=\s*\n|:\s)|\A\s*/?(?:think|thinking|reasoning)(?=>\s)|Thinking Process:(?=\s)|Here's a thinking process(?=\s)"
    rf"|(?:(?<=\*\*\n)|(?<=\*\*\n\n))(?:{_THOUGHT})(?= )|\n\s*(?:### ?)?(?:{_ROLES})(?=:?[ \n]|:\s*\Z)"
    rf"|(?<=type=\")reasoning(?=\")|(?<=<summary>){_HEADING}|\A[*_#>\s]*{_HEADING}(?=[^\n]{{0,24}}\n)"
    r"|\A\s*(?:[A-Z]\w*)?(?:Message|Completion|Choice|Delta|Block|Response|Part|Content|Chunk|Output|Result)\w*(?=\(\w+=)"
    rf"|\A\s*The user (?:wants|asks|needs|requests|says)(?= )|(?<=\. )I should(?= )"
    r"|&(?:lt|gt|amp|quot|apos|nbsp|#39|#x27|#34|#x22);|\[object Object\]"
    r"|(?<![^\W_])tokens?(?=\s(?:<unk>|\[UNK\]))"
    r"|<\|(?:channel|turn|tool_call|tool|think)>|<(?:channel|turn|tool_call|tool)\|>|<(?:unused|reserved_|extra_id_)\d+>"
    r"|\[(?:EOS|EOT|PAD|BOS|CLS)\]|\]~!?b[\[\]]|\[e~\[|(?<=<\|open\|>)(?:tools|call)(?![^\W_])"
    rf"|(?<![^\W_])(?i:{_PLAIN})(?![^\W_])"
    rf"|<\|[^|>\s]{{1,40}}\|>|<｜[^｜>]{{1,40}}｜>|</?(?i:{_TAGS})(?=[\s=/>])|<</?SYS>>|◁/?think▷|｜DSML｜|<!DOCTYPE html"
    r"|\[/?(?:INST|THINK|TOOL_CALLS?|TOOL_RESULTS|AVAILABLE_TOOLS|ARGS|gMASK)\]|```[\w+#-]*"
    r"|assistant(?:final|commentary|analysis)|commentary to=functions\.|\bfunctions\.(?=\w)|\Aanalysis(?=[A-Z])|\A(?:thought|analysis)(?=\s*\n)"
    r"|(?<=\")(?:chat\.completion(?:\.chunk)?|text_completion)(?=\")|data(?=: ?\{\")|\bAction Input\b|Action(?=:)|call(?=:\w)"
    r"|(?<=\s)(?:name|tool)(?==[\"'])|\\u[0-9a-fA-F]{4}|%(?:20|0A|2C|3A)|\A\s*(?:iVBORw0KGgo|/9j/4|R0lGOD|UklGR)(?=[A-Za-z0-9+/\s]{60})"
    r"|https?://|data:\w+/[\w.+-]+;base64,[\w+/]{0,11}|锟斤拷|[锛銆鈥锟]"
    rf"|(?<=[\s:\[,])(?:true|false|null)(?=\s*[,}}\]])|\A(?:{_CALLS}|true|false|null)\Z|(?<=\")(?:{_CALLS})(?=\")"
    r"|(?<!\w)(?:(?:REDACTED)+R?E?D?A?C?T?E?|redacted)(?!\w)"
)
"""The parts of a text that stay."""

_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_NUMBER = r"(?<![\w.])\d+(?:\.\d+)?[eE][+-]?\d+(?![\w.])|(?<![\w.])\d+\.0+(?![\w.])"
# Written without spaces between words.
_DENSE = "\u0e00-\u0eff\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
_GERUND = r"(?<=\*\*)[A-Z][a-z]+ing(?= [^*\n]{3,60}\*\*\s*\n)"
_BYTE = r"<0x[0-9A-F]{2}>"
_SPACES = "\u0120\u010a"  # by which tokenizers write a space and a line end
_TOKEN = re.compile(
    rf"(?P<kept>{KEPT})|(?P<gerund>{_GERUND})|(?P<byte>{_BYTE})|(?P<uuid>{_UUID})|(?P<number>{_NUMBER})|(?P<dense>[{_DENSE}]+)|(?P<run>[^\W_{_DENSE}{_SPACES}]+)"
)

_VOWELS, _CONSONANTS = "aeiou", "bcdfghjklmnpqrstvwz"
_LOWER, _UPPER, _DIGITS = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
_SHORT_IN_DECIMAL = "abc"  # their codes have two digits, those of the other small letters three
_TELLING = 8  # letters: shorter texts may repeat by chance
_LONGEST_SPOKEN = 24  # longer ones are not words
_HEX_LEAST = 8
_TRIES = 40
_SHORT_WORD = 3
_ASCII = 128
_GBK_LEAST = 6  # characters: fewer may happen to be UTF-8
_BLOCK = 64  # characters that begin with the same bytes of UTF-8
_PARTLY = frozenset({0xE0, 0xED, 0xF0, 0xF4})  # bytes that not every second byte may follow
_PHONETIC = (0xC9, 0xCA)  # begin unused letters, so that CAFÉ’S is not taken for mojibake
_HAN = (
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经"
    "十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形"
    "相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题党程展"
    "五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指几九区强放决西被干做必战"
    "先回则任取据处队南给色光门即保治北造百规热领七海口东导器压志世金增争济阶油思术极交受联什认六共权收证改清己美再采转更单风切打白"
)


class Vocabulary:
    """
    The made-up words of one seed.

    If ``narrow``, each byte of a word keeps its number of decimal digits, for responses with the bytes of their
    tokens.  ``unchanged`` are numbers that stay, since their size matters; ``apart`` are digits of stop sequences:
    the replacement of one occurs in no other number.
    """

    def __init__(self, seed: str, *, narrow: bool = False, unchanged: Iterable[str] = (), apart: str = "") -> None:
        self._key = blake2b(seed.encode()).digest()
        self._narrow = narrow
        ends = [digit for digit in _DIGITS[1:] if digit not in apart]
        self._ends = dict(zip(apart, self._random("ends").sample(ends, len(ends)), strict=False))
        self._began = {made: digit for digit, made in self._ends.items()}
        self._words: dict[str, str] = self._ends | {word: word for word in (*unchanged, *_PLAIN.split("|"))}
        self._taken: set[str] = {*_PLAIN.split("|")}
        self._digits = "".join(digit for digit in _DIGITS if digit not in self._began)
        self._by_letters: dict[str, tuple[str, str]] = {}
        self._dense: dict[str, str] = {}
        self._single: dict[str, str] = {}
        self._by_kind: dict[str, Callable[[str], str]] = {
            "kept": str,
            "gerund": lambda word: self.word(word[:-3]) + word[-3:],
            "byte": self._byte,
            "uuid": self._uuid,
            "number": self._number,
            "dense": self._run_of_dense,
            "run": self.word,
        }

    def text(self, text: str) -> str:
        """Return a text of the same form as ``text``; escapes are decoded and encoded again."""
        if "\\" in text:
            escapes = Escapes(text)
            return escapes.put_back(self.text(escapes.plain))
        if not text.isascii() and (other := _read_as_gbk(text)) is not None:
            return _written_as_gbk(self.text(other)) or text
        return _TOKEN.sub(self._replaced, text)

    def again(self, text: str) -> str | None:
        """Return the replacement of a text that occurred before with other white space; None if it did not."""
        before, made = self._by_letters.get("".join(text.split()), ("", ""))
        if not before or before == text:
            return None
        left = iter("".join(made.split()))
        return "".join(letter if letter.isspace() else next(left, letter) for letter in text)

    def remember(self, text: str, made: str) -> None:
        """Keep the replacement of a text, for another that differs in white space alone."""
        letters = "".join(text.split())
        if len(letters) >= _TELLING:
            self._by_letters.setdefault(letters, (text, made))

    def tokens(self, text: str, least: int) -> str:
        """Return ``text`` with replacements for marks, not words: letters with digits, of a minimum length."""
        return _TOKEN.sub(lambda found: self._replaced(found) if _is_token(found[0], least) else found[0], text)

    def word(self, word: str) -> str:
        """Return the replacement of a run of letters and digits."""
        if word.isascii() and word.isalpha():
            small = word.lower()
            made = self._words.get(small) or self._new(small)
            return made if word == small else _in_case_of(word, made)
        return self._words.get(word) or self._new(word)

    def _replaced(self, found: re.Match[str]) -> str:
        return self._by_kind[found.lastgroup or "kept"](found[0])

    def _random(self, text: str) -> Random:
        return Random(blake2b(text.encode("utf-8", "surrogatepass"), key=self._key).digest())  # noqa: S311 - of a keyed digest

    def _new(self, word: str) -> str:
        made = self._once(word) or self._fresh(word)
        self._taken.add(made)
        self._words[word] = made
        return made

    def _once(self, word: str) -> str | None:
        """Return the replacement of a single letter or digit, or of one repeated through a word; else None."""
        if len(word) == 1:
            return self._of_single(word)
        unit = next((n for n in range(1, min(len(word) // 2, 12) + 1) if word[:n] * (len(word) // n) == word), None)
        if unit is None:
            return None
        again = len(word) // unit
        return (
            self._of_single(word[0], self._digits.replace("0", ""))
            if word.isdigit() and unit == 1
            else self.word(word[:unit])
        ) * again

    def _of_single(self, letter: str, among: str = "") -> str:
        pool = among or self._pool(letter)
        if pool not in self._single:
            shuffled = list(pool)
            self._random(pool).shuffle(shuffled)
            self._single[pool] = "".join(shuffled)
        ring = self._single[pool]
        letter = self._began.get(letter, letter)
        return ring[(ring.index(letter) + 1) % len(ring)] if letter in ring else letter

    def _fresh(self, word: str) -> str:
        """Return an unused word, if there is one left."""
        random, made = self._random(word), word
        pools = self._pools(word, random)
        for attempt in range(_TRIES):
            if attempt == _TRIES // 2:  # few are spoken like words
                pools = [self._pool(letter) for letter in word]
                pools[0] = pools[0].replace("0", "") if word[0] in _DIGITS[1:] else pools[0]
            made = "".join(_other(random, letter, pool) for letter, pool in zip(word, pools, strict=True))
            if self._is_free(made):
                return made
        return self._left(word, pools) or made

    def _left(self, word: str, pools: list[str]) -> str | None:
        """Return an unused short word."""
        every = map("".join, product(*pools)) if len(word) <= _SHORT_WORD else ()
        return next((made for made in every if self._is_free(made) and made != word), None)

    def _is_free(self, made: str) -> bool:
        return made not in self._taken and made != made[0] * len(made)  # the replacement of such a one

    def _pools(self, word: str, random: Random) -> list[str]:
        if word.isascii() and word.isdigit():
            return [self._digits.replace("0", "") if word[0] != "0" else "0", *[self._digits] * (len(word) - 1)]
        if len(word) >= _HEX_LEAST and re.fullmatch(r"[0-9a-f]+|[0-9A-F]+", word) and not word.isalpha():
            letters = "abcdef" if word.islower() else "ABCDEF"
            return [_DIGITS if letter.isdigit() else self._narrowed(letter, letters) for letter in word]
        if self._narrow or not word.isascii() or not word.isalpha() or len(word) > _LONGEST_SPOKEN:
            return [self._pool(letter) for letter in word]
        first = random.random() < 0.3  # noqa: PLR2004 - so many words begin with a vowel
        return [_VOWELS if (n % 2 == 0) is first else _CONSONANTS for n in range(len(word))]

    def _pool(self, letter: str) -> str:
        if letter.isascii():
            pool = self._digits if letter.isdigit() else _LOWER if letter.islower() else _UPPER
            return self._narrowed(letter, pool)
        return neighbours(letter)

    def _narrowed(self, letter: str, pool: str) -> str:
        if not self._narrow or not letter.islower():
            return pool
        return "".join(one for one in pool if (one in _SHORT_IN_DECIMAL) is (letter in _SHORT_IN_DECIMAL))

    def _run_of_dense(self, run: str) -> str:
        return "".join(map(self._of_dense, "\n" + run, run))

    def _of_dense(self, before: str, letter: str) -> str:
        pair = before + letter
        if pair not in self._dense:
            self._dense[pair] = _other(self._random(pair), letter, neighbours(letter))
        return self._dense[pair]

    def _byte(self, token: str) -> str:
        """Return another byte, as a tokenizer writes one that it can't decode: digits stay digits."""
        random = self._random(token)
        return "".join(
            _other(random, one, _DIGITS if one.isdigit() else "ABCDEF") if 3 <= at < 5 else one  # noqa: PLR2004
            for at, one in enumerate(token)
        )

    def _uuid(self, uuid: str) -> str:
        """Return another UUID, of the same version and variant."""
        bare = uuid.replace("-", "")
        made = self.word(bare) if not bare.isdigit() and not bare.isalpha() else self._fresh(bare)
        self._words[bare] = made = made[:12] + bare[12] + made[13:16] + bare[16] + made[17:]
        return "-".join((made[:8], made[8:12], made[12:16], made[16:20], made[20:]))

    def _number(self, number: str) -> str:
        """Return another number; its exponent stays, and an integer stays one."""
        digits = re.match(r"\d+", number)
        return self.word(digits[0]) + number[digits.end() :] if digits else number


def words_of(text: str) -> frozenset[str]:
    """Return the words of ``text``, for lists written as text."""
    return frozenset(text.split())


@cache
def neighbours(letter: str) -> str:
    """
    Return letters of the script of ``letter`` with the same length in UTF-8.

    Of Latin letters only those whose code begins equally long UTF-8 characters, so that text misread as Latin stays
    so.
    """
    if "\u4e00" <= letter <= "\u9fff":
        return _HAN
    code = ord(letter)
    first = code & ~(_BLOCK - 1)
    if not unicodedata.category(letter).startswith("L") or _ASCII <= code < 0xC0 or 0x140 <= code < 0x180:  # noqa: PLR2004
        return letter  # read as Latin, such a letter may be the rest of a character
    near = map(chr, range(first, first + _BLOCK))
    pool = [one for one in near if unicodedata.category(one) == unicodedata.category(letter)]
    if code <= 0xFF:  # noqa: PLR2004
        pool = [one for one in pool if _bytes_begun(ord(one)) == _bytes_begun(code) and ord(one) not in _PARTLY]
    return "".join(pool)


def _bytes_begun(code: int) -> int:
    """Return the length of a UTF-8 character that begins with the byte ``code``; 0 if none does."""
    if code < 0xC2 or code > 0xF4:  # noqa: PLR2004
        return 0
    if code in _PHONETIC:
        return _BLOCK
    return 2 if code < 0xE0 else 3 if code < 0xF0 else 4  # noqa: PLR2004


def _read_as_gbk(text: str) -> str | None:
    """Return the original of a text that is UTF-8 misread as GBK; None if it is not, or too short to tell."""
    if sum(not letter.isascii() for letter in text) < _GBK_LEAST:
        return None
    try:
        return text.encode("gbk").decode()
    except UnicodeError:
        return None


def _written_as_gbk(text: str) -> str | None:
    try:
        return text.encode().decode("gbk")
    except UnicodeError:
        return None


def _other(random: Random, letter: str, pool: str) -> str:
    made = random.choice(pool)
    return made if made != letter or len(pool) == 1 else pool[(pool.index(made) + 1) % len(pool)]


def _in_case_of(word: str, made: str) -> str:
    if word.isupper():
        return made.upper()
    return "".join(new.upper() if old.isupper() else new for old, new in zip(word, made, strict=True))


def _is_token(text: str, least: int) -> bool:
    mixed = any(map(str.isdigit, text)) and not text.isdigit()
    return len(text) >= least and mixed

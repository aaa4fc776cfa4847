"""
Finds marks in a text that show its origin: a model's template, a parser that missed them, a wrong encoding.

Text between backticks is quoted, and not a mark.
"""

import re

THINK_TAGS = (
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reasoning",
    "seed:think",
    "mm:think",
    "longcat_think",
    "think_intent",
    "think_fast",
    "think_faster",
    "scratchpad",
    "analysis",
    "reflection",
    "reason",
    "inner_monologue",
)

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_NAMES = "|".join(THINK_TAGS)
_OPENS = re.compile(
    rf"\s*(?:<(?:{_NAMES}|[a-z]\w*:think(?:ing)?)(?: [^<>\n]{{0,40}})?>|\[THINK\]|◁think▷)", re.IGNORECASE
)
_LATER = re.compile(
    rf"(?:[.!?:。！？：]\s*|\n\s*)(?P<opens><(?P<name>{_NAMES})>)(?!<)[^<]*</(?P=name)>(?=\s*(?:\Z|(?-i:[A-Z\d])|[^\x00-\x7f]))",
    re.IGNORECASE,
)
"""Reasoning between tags that stands between sentences; a text about tags has them within one."""
_INNER = re.compile(rf"(?P<opens><(?P<name>{_NAMES})>)(?P<thought>[^<]{{20,}})(?:</(?P=name)>|\Z)", re.IGNORECASE)
_AS_ONE_THINKS = re.compile(
    r"\?|\b(?:I|I'm|I'll|let me|wait|hmm|okay|ok|the user|they want|they ask|need to|should|maybe|actually)\b|用户|我(?:需要|应该|来)|等等|可能",
    re.IGNORECASE,
)
_OF_TAGS = re.compile(
    r"\b(?:tags?|tokens?|markup|xml|html|templates?|format|parsers?|delimiters?|brackets?|vocabular\w+|embeddings?)\b|标签|格式|模板",
    re.IGNORECASE,
)
_HALF = 24  # characters: no special token is longer
_HALF_AT_END = re.compile(r"(?:(?<=[.!?。！？\s])|\A)[a-z_]{1,12}\|>\s*\Z|<\|[a-z_]{0,16}\s*\Z")
_OF_THOUGHT = r"(?:Thinking|Thought|Thoughts|Reasoning|思考过程|思考|推理)"
_HEADING = re.compile(
    rf"\s*<details[^>\n]{{0,60}}(?:type=\"reasoning\"[^>\n]{{0,60}}>|>\s*<summary>[^<\n]{{0,12}}{_OF_THOUGHT}[^<\n]{{0,40}}</summary>)"
    rf"|\s*[*_#💭🤔🧠\s]{{0,6}}{_OF_THOUGHT}[^\n>]{{0,24}}\n+(?=>)|\s*>\s?[*_💭🤔🧠 ]{{0,5}}{_OF_THOUGHT}\b[^\n>]{{0,24}}\n(?=>)"
    r"|"
    r"\s*(?:\*\*)?(?:Thinking Process:|Here's a thinking process)\s"
    r"|\s*\*\*[A-Z][a-z]+ing [^*\n]{3,60}\*\*\s*\n+(?=I'm |I need |I'll |I should |I want |I think |I have |The user )"
)
"""The beginning of reasoning without a tag: the prompt ended with it, or a gateway formatted it for people."""
_TAG_HALF = re.compile(r"\s*/?(?:think|thinking|reasoning)>(?=\s)")
"""The rest of a tag at the beginning of a text, whose other half went into the reasoning or was lost."""
_CLOSING = (*(f"</{name}>" for name in THINK_TAGS), "[/THINK]", "◁/think▷")
_ENDS = re.compile("|".join(map(re.escape, (*_CLOSING, "\ufffd"))))
_SPECIAL = re.compile(
    r"<\|/?[A-Za-z][A-Za-z_0-9]*\|>|<｜[^｜>]{1,40}｜>|<(?:start|end)_of_turn>|<eos>|<bos>|\[/?INST\]|<</?SYS>>|\[gMASK\]|</s>$"
    r"|<\|(?:channel|turn|tool_call|tool|think)>|<(?:channel|turn|tool_call|tool)\|>|<\|\"\|>|<0x[0-9A-F]{2}>|<(?:unused|reserved_|extra_id_)\d+>"
    r"|\[(?:EOS|EOT|PAD)\]\s*\Z|\A\s*\[(?:BOS|CLS)\]|\]~!?b[\[\]]|\[e~\[|\ue200[^\ue200\ue201]{1,80}\ue201"
    r"|(?:<pad>\s*)+\Z|<unk>|\[UNK\]|<end_of_utterance>|</(?:tool_response|answer)>\s*\Z"
)
_SIGNS = (
    "<|",
    "|>",
    "<｜",
    "_of_turn>",
    "<eos>",
    "<bos>",
    "INST]",
    "SYS>>",
    "[gMASK]",
    "</s>",
    "<0x",
    "[EO",
    "]~",
    "[e~[",
    "[PAD]",
    "[BOS]",
    "[CLS]",
    "<unused",
    "<reserved_",
    "<extra_id_",
    "\ue201",
    "<pad>",
    "<unk>",
    "[UNK]",
    "_utterance>",
    "tool_response>",
    "</answer>",
)
_UNKNOWN = {"<unk>", "[UNK]"}
_QUOTES = "\"'()“”‘’「」"
_WITHIN = re.compile(r"[a-z,:] (?: [a-z]|, |\. |\)?[,;:])")
_CHANNELS = re.compile(
    r"\Aanalysis(?=[A-Z])|\A(?:thought|analysis)(?=\s*\n)|(?<![a-z])assistant(?:final|commentary|analysis)|commentary to=functions\."
)
_CALL = re.compile(
    r"<tool_call>\s*[{<\w]|<\|tool_call|<｜tool▁call|<function=\w+>|<minimax:tool_call>|<seed:tool_call>|"
    r"commentary to=functions\.\w+|<\|python_tag\|>|\[TOOL_CALLS\]|｜DSML｜|<\|open\|>(?:tools|call)\b|<function_calls>\s*<invoke\b|<\|START_ACTION\|>"
    r"|</(?:parameter|arg_value)>\s*(?:</function>\s*)?</tool_call>\s*\Z|</(?:parameter|invoke)>\s*</(?:invoke|function_calls)>\s*\Z|</parameter>\s*</function>\s*\Z"
)
_RESULT = re.compile(
    r"<(tool_response|tool_result|function_results?|tool_output)>\s*\S.*?</\1>|<｜tool▁outputs?▁begin｜>", re.DOTALL
)
_LEFT_OVER = re.compile(r"\A\s*(?:</?tool_calls?>|<function(?:=\w*)?>?|</function>|\[/?TOOL_CALLS?\])\s*\Z")
_LEFT_AT_END = re.compile(
    r"(?:</?tool_calls?>|<function(?:=\w*)?>?|</function>|</?(?:tool_\w{0,5}|func\w{0,4}|<\|tool\w{0,5}))\s*\Z"
)
_EDGES = re.compile(
    r"\A\s*(?P<opens><\|[^|<>\s]{1,40}\|?>|<｜[^｜>]{1,40}｜>|<(?:tool_call|parameter|arg_value|think)(?:=\w+)?>)"
    r"|(?P<ends><\|[^|<>\s]{1,40}\|>|<[\w]+\|>|<｜[^｜>]{1,40}｜>|</(?:s|tool_call|function|parameter|invoke|arg_value|arg_key|think)>)\s*\Z"
)
"""Marks of a model or of its call markup, before or after a value of arguments."""
_INTO_NEXT = re.compile(r"</(?:arg_value|parameter)>\s*<(?:arg_key|parameter\b)")
_CONTROL = re.compile(r"[\x01-\x08\x0b\x0e-\x1f\x7f]")
_RUN = re.compile(r"[^\x00-\x7f]+")
_FOREIGN = re.compile(r"[^\x00-\x7f]{1,12}")
_BYTES_OF = {bytes([n]).decode("cp1252", "replace"): n for n in range(0x80, 0x100)} | {
    chr(n): n for n in range(0x80, 0x100)
}
_PHONETIC = ("\u0180", "\u02ff")
_HANZI = 6  # characters beyond ASCII: fewer may happen to be UTF-8 that was read as GBK
_GBK_SIGNS = "锛銆鈥锟"  # results for Chinese punctuation and quotes: rare characters that hardly occur otherwise


def without_code(text: str) -> str:
    """Return ``text`` with code replaced by blanks, so that places in it stay valid."""
    return _CODE.sub(lambda found: " " * len(found[0]), text) if "`" in text else text


def think_tag(text: str) -> str | None:
    """Return the tag around reasoning in ``text``; a text that only mentions tags opens and closes them later."""
    opened = _OPENS.match(text) or _TAG_HALF.match(text)
    if opened:
        return opened[0].strip()
    lowered = text.lower() if "/" in text else ""
    for tag in map(str.lower, _CLOSING if lowered else ()):
        if tag in lowered and tag.replace("/", "") not in lowered:
            return text[lowered.index(tag) : lowered.index(tag) + len(tag)] if len(lowered) == len(text) else tag
    later = _LATER.search(without_code(text)) if "</" in text else None
    return later["opens"] if later else None


def is_about_tags(asked: str) -> bool:
    """Return whether the prompt is about tags, or about the format of a response."""
    return bool(_OF_TAGS.search(asked))


def thought_within(text: str) -> str | None:
    """Return the tag of reasoning within ``text``, or at its end; mentioned tags contain none."""
    if think_tag(text):
        return None
    found = _INNER.search(without_code(text)) if "<" in text else None
    if found is None or _OF_TAGS.search(text[: found.start()] + text[found.end() :]):
        return None
    return found["opens"] if _AS_ONE_THINKS.search(found["thought"]) else None


def token_half(text: str) -> str | None:
    """Return the rest of a special token at the end of ``text``, or the beginning of one, whose other half is lost."""
    if "|" not in text[-_HALF:]:
        return None
    found = _HALF_AT_END.search(without_code(text))
    return found[0].strip() if found else None


_OF_USER = re.compile(
    r"\A\s*(?P<mark>(?:(?:Okay|Ok|Alright|Hmm|Well|So|First)[,.]? )?(?:so )?[Tt]he user (?:wants|asks|asked|is asking|has asked|needs|requests|would like|just|said|says)\b)"
    r"(?=.{0,400}?\b(?:I should|I need to|I'll|I will|I can|I must|[Ll]et me|[Ll]et's|We (?:need to|should|must|can) (?:answer|respond|reply|provide|produce|explain|write|give|say|call|use|check|greet))\b)"
    r"|\A\s*(?P<chinese>(?:好的|嗯|首先|好)[，,]\s*用户(?:问|想|要|说|让|希望|现在|发))",
    re.DOTALL,
)
"""The beginning of reasoning, which speaks of the user in the third person."""


def thought_of_user(text: str) -> str | None:
    """Return the words by which ``text`` begins as reasoning, about the user and not to them."""
    found = _OF_USER.match(text)
    return (found["mark"] or found["chinese"]) if found else None


def thought_heading(text: str) -> str | None:
    """Return the heading of reasoning that ``text`` begins with."""
    found = _HEADING.match(text)
    return found[0].strip() if found else None


_HEADER = re.compile(
    r"\A\s*(?:(?:assistant|model|ASSISTANT)(?:\s*\n|:\s)|(?:user|USER)\s*\n(?=(?:.*\n){1,40}?\s*(?:assistant|model|ASSISTANT)\s*\n))"
)
_TURNS = re.compile(
    r"\n\s*(?P<user>(?:### ?)?(?:Human|User|USER|user):?)[ \n][^\n]*(?:\n[^\n]*){0,6}?\n\s*(?:### ?)?(?:Assistant|ASSISTANT|assistant|Response):?[ \n]"
)
_OF_TALK = re.compile(r"dialog|conversation|transcript|script|interview|chat|对话|聊天|台词", re.IGNORECASE)


def turn_header(text: str) -> str | None:
    """Return the role name that ``text`` begins with, as a template writes it before a turn."""
    found = _HEADER.match(text)
    return found[0].strip() if found else None


def turn_of_user(text: str) -> str | None:
    """Return the name under which ``text`` continues with a user's turn, and another of the assistant's."""
    found = (
        _TURNS.search(without_code(text)) if "ssistant" in text or "ASSISTANT" in text or "Response" in text else None
    )
    return found["user"] if found else None


_NEXT_TURN = re.compile(r"\n\s*(?P<next>(?:### ?)?(?:Human|User|USER|Instruction):)\s*\Z")


def turn_begun(text: str) -> str | None:
    """Return the role name of a user's turn that ``text`` ends with, as a template writes it."""
    found = _NEXT_TURN.search(text) if text.rstrip().endswith(":") else None
    return found["next"] if found else None


def is_about_talk(asked: str) -> bool:
    """Return whether the prompt may be answered with turns of a dialogue."""
    return _OF_TALK.search(asked) is not None


def special_token(text: str) -> str | None:
    """Return a model's special token in ``text``."""
    if not any(sign in text for sign in _SIGNS):
        return None
    text = without_code(text)
    found = next((found for found in _SPECIAL.finditer(text) if not _is_spoken_of(text, found)), None)
    if found is None or found[0].strip().replace("/", "", 1) in text.replace(found[0], ""):
        return None  # not a tag pair: <s> and </s> strike text out in HTML
    return found[0].strip()


_CITATION = re.compile(r"【\d+(?::\d+)?†[^】\n]{1,80}】")


def citation_mark(text: str) -> str | None:
    """Return a source mark in ``text``, as search models write it."""
    found = _CITATION.search(without_code(text)) if "†" in text else None
    return found[0] if found else None


_RAW = re.compile(r"[ĠĊ▁](?=[A-Za-zĠĊ▁])")
_MANY = 2


def raw_piece(text: str) -> str | None:
    """Return the character by which a tokenizer writes a space or a line end, if ``text`` has several."""
    if not any(sign in text for sign in "ĠĊ▁"):
        return None
    found = _RAW.findall(without_code(text))
    return found[0] if len(found) >= _MANY else None


def channel_words(text: str) -> str | None:
    """Return what is left in ``text`` of a model's channel names after the tokens around them were removed."""
    if not ("assistant" in text or "commentary to=" in text or text.startswith(("analysis", "thought"))):
        return None
    found = _CHANNELS.search(without_code(text))
    return found[0] if found else None


def before_marks(text: str) -> str:
    """Return ``text`` without its opening tag, up to the next mark of any kind."""
    opened = _OPENS.match(text)
    text = text[opened.end() :] if opened else text
    found = [pattern.search(text) for pattern in (_SPECIAL, _CALL, _ENDS)]
    return text[: min((one.start() for one in found if one), default=len(text))]


def _is_spoken_of(text: str, found: re.Match[str]) -> bool:
    """Return whether a token is within a sentence, or in quotes, as in an explanation."""
    before, after = text[max(0, found.start() - 2) : found.start()], text[found.end() : found.end() + 2]
    quoted = before[-1:] in _QUOTES and after[:1] in _QUOTES and before[-1:] and after[:1]
    about = found[0] not in _UNKNOWN or _OF_TAGS.search(text)  # one of these stands for a word
    return bool(quoted) or bool(about and _WITHIN.fullmatch(before + after))


def call_markup(text: str, *, beside_calls: bool = False) -> str | None:
    """Return the tool call markup in ``text``; after a parsed call, its tag may be left over at the end."""
    if "<" not in text and "[" not in text and "｜" not in text and "commentary to=" not in text:
        return None
    text = without_code(text)
    found = _CALL.search(text) or _LEFT_OVER.search(text) or (_LEFT_AT_END.search(text) if beside_calls else None)
    return found[0].strip() if found else None


def result_markup(text: str) -> str | None:
    """Return the markup of a tool result in ``text``, as a template passes results to the model."""
    found = _RESULT.search(without_code(text)) if "</" in text or "<|" in text else None
    return found[0].strip() if found else None


def markup_within(value: str) -> str | None:
    """Return the markup by which a value of arguments runs into the next one."""
    found = _INTO_NEXT.search(value) if "</" in value else None
    return found[0] if found else None


def mark_at_edge(value: str) -> str | None:
    """Return the mark at the start or end of a value of arguments; one that the value opens and closes is its own."""
    found = _EDGES.search(value) if "<" in value else None
    if found is None:
        return None
    mark = found["opens"] or found["ends"]
    other = mark.replace("</", "<").rstrip(">") if mark.startswith("</") else mark.replace("<", "</")
    rest = value[found.end() :] if found["opens"] else value[: found.start()]
    around = value.strip().startswith(mark) and value.strip().endswith(mark) and value.strip() != mark
    return mark if around or not (other in rest or mark in rest) else None


_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|#39|#x27);")
_UNICODE = re.compile(r"\\u[0-9a-fA-F]{4}")
_PERCENT = re.compile(r"%(?:20|0A|2C|3A)")
_LINE_END = re.compile(r"\\n(?=\\n|[ \-*#>\d]|\Z)")
_SEVERAL = 3


def escaped_once_more(text: str) -> str | None:
    """Return the first escape of HTML, or of a line end, in a text without unescaped ones of the kind."""
    if text.lstrip()[:1] in {"{", "[", '"'}:
        return None  # inside JSON it is escaped
    shown = without_code(text)
    entities = _ENTITY.findall(shown)
    if len(entities) >= _SEVERAL and len(set(entities)) > 1 and not any(sign in shown for sign in '<>"'):
        return str(entities[0])
    ends = _LINE_END.findall(shown)
    return ends[0] if len(ends) >= _SEVERAL and "\n" not in shown else None


def escaped_for_html(text: str) -> str | None:
    """Return the first HTML entity in a text that is not HTML: it has several, and none of the encoded characters."""
    found = _ENTITY.findall(text) if "&" in text else []
    bare = any(sign in text for sign in "<>\"'") or len(re.findall(r"&", text)) > len(re.findall(r"&#?\w+;", text))
    return str(found[0]) if len(found) >= _MANY and not bare else None


def escaped_letter(text: str) -> str | None:
    """Return the first JSON escape for a letter in a text without non-ASCII letters."""
    found = _UNICODE.findall(without_code(text)) if "\\u" in text and text.isascii() else []
    return str(found[0]) if len(found) >= _SEVERAL else None


def escaped_space(text: str) -> str | None:
    """Return the first URL escape in a text without spaces that is not a URL."""
    found = _PERCENT.findall(text) if "%" in text and "://" not in text and " " not in text else []
    return str(found[0]) if len(found) >= _SEVERAL else None


def replacement(text: str) -> str | None:
    """Return U+FFFD if it is in ``text``."""
    return "\ufffd" if "\ufffd" in text else None


def order_mark(text: str) -> str | None:
    """Return the byte order mark in ``text``, or its byte-swapped form."""
    return next((mark for mark in ("\ufeff", "\ufffe") if mark in text), None)


def control(text: str) -> str | None:
    """Return a control character in ``text`` besides tab, line ends and form feed."""
    found = _CONTROL.search(text)
    return found[0] if found else None


def mojibake(text: str) -> str | None:
    """
    Return the first letters of ``text`` that are UTF-8 misread as another encoding; None without proof.

    Then everything non-ASCII in it must be UTF-8: a text about such letters has others too.
    """
    if "锟斤拷" in text:  # U+FFFD in UTF-8, read as GBK
        return "锟斤拷"
    if text.isascii() or not (_is_utf8_as_latin(text) or _is_utf8_as_gbk(text)):
        return None
    found = _FOREIGN.search(text)
    return found[0] if found else None


def _is_utf8_as_latin(text: str) -> bool:
    return all(_decodes(run[0]) for run in _RUN.finditer(text))


def _decodes(run: str) -> bool:
    """Return whether ``run`` is UTF-8 of usual letters; a capital before a quote, as in CAFÉ’S, is not."""
    try:
        letters = bytes(_BYTES_OF[character] for character in run).decode()
    except (UnicodeDecodeError, KeyError):
        return False
    return not any(_PHONETIC[0] <= letter <= _PHONETIC[1] for letter in letters)


def _is_utf8_as_gbk(text: str) -> bool:
    if sum(map(text.count, _GBK_SIGNS)) > 1:
        return True
    if len(text) - len(text.encode("ascii", "ignore")) < _HANZI:
        return False
    try:
        text.encode("gbk").decode()
    except UnicodeError:
        return False
    return True

"""Client code that follows the advice on texts that the model did not generate, and on altered calls."""

from remedies import Remedy

from harness.simulate.faults import FAULTS

_SAID = "text = answer.choices[0].message.content\n"

_CALL = "import json\nargs = json.loads(answer.choices[0].message.tool_calls[0].function.arguments)"

FOREIGN = [
    Remedy(
        "content.unwrapped",
        FAULTS["answer-within-text"].apply(),
        f'import json\n{_SAID}result = json.loads(text)["choices"][0]["message"]["content"]\n',
        "Oslo",
    ),
    Remedy(
        "content.unwrapped",
        FAULTS["error-within-text"].apply(),
        f"""
{_SAID}result = "shown"
if text.startswith('{{"error"'):
    result = "asked again"
""",
        "asked again",
    ),
    Remedy(
        "content.no-echo",
        FAULTS["question-before-answer"].apply(),
        f'question = "What is the capital of Norway, and where is it?"\n{_SAID}text = text.removeprefix(question).lstrip()\nresult = text\n',
        "It is Oslo, in the south.",
    ),
    Remedy(
        "content.written-once",
        FAULTS["letters-escaped-for-json"].apply(),
        f"import json\n{_SAID}text = json.loads(f'\"{{text}}\"')\nresult = text\n",
        "café, crème, brûlée",
    ),
    Remedy(
        "content.written-once",
        FAULTS["text-escaped-for-urls"].apply(),
        f"import urllib.parse\n{_SAID}text = urllib.parse.unquote(text)\nresult = text\n",
        "It is Oslo, in the south.",
    ),
    Remedy(
        "content.no-controls",
        FAULTS["order-mark-in-text"].apply(),
        f'{_SAID}result = text.replace("\\ufeff", "")\n',
        "It is Oslo.",
    ),
    Remedy(
        "content.spaces",
        FAULTS["line-for-each-piece"].apply(),
        """
text = ""
for chunk in stream:
    delta = chunk.choices[0].delta
    text += (delta.content or "").removesuffix("\\n")
result = text
""",
        "The river begins in hills and runs south to small towns.",
    ),
    Remedy(
        "tool_choice.offered",
        FAULTS["tool-name-in-capitals"].apply(),
        r"""
import re
def plain(n):
    return re.sub(r"[\W_]", "", n).lower()
tools, name = {"get_weather": print}, answer.choices[0].message.tool_calls[0].function.name
name = next((n for n in tools if plain(n) in plain(name)), name)
result = name
""",
        "get_weather",
    ),
    Remedy(
        "tool_choice.schema",
        FAULTS["arguments-wrapped"].apply(),
        f"""
{_CALL}
key = "arguments"
args = args.get(key, args) if len(args) == 1 else args
result = args
""",
        {"city": "Paris"},
    ),
    Remedy(
        "tool_calls.arguments-json",
        FAULTS["arguments-with-nan"].apply(),
        """
import json
arguments = answer.choices[0].message.tool_calls[0].function.arguments
result = json.loads(arguments, parse_constant=lambda name: None)
""",
        {"degrees": None},
    ),
    Remedy(
        "tool_calls.arguments-json",
        FAULTS["arguments-halves-twice"].apply(),
        """
arguments = ""
for chunk in stream:
    for call in chunk.choices[0].delta.tool_calls or []:
        piece = call.function.arguments or ""
        arguments += piece[: len(piece) // 2]
result = arguments
""",
        '{"city":"Paris"}',
    ),
    Remedy(
        "tool_calls.arguments-clean",
        FAULTS["values-escaped-for-html"].apply(),
        f"""
import html
{_CALL}
result = None
for value in args.values():
    value = html.unescape(value)
    result = value
""",
        "mkdir a && cd a > b",
    ),
    Remedy(
        "tool_calls.arguments-clean",
        FAULTS["values-between-line-ends"].apply(),
        f"""
{_CALL}
value = args["city"]
value = value.strip()
result = value
""",
        "Paris",
    ),
    Remedy(
        "tool_calls.not-in-text",
        FAULTS["arguments-as-text"].apply(),
        """
import json
message = answer.choices[0].message
args = json.loads(message.content)
result = args
""",
        {"city": "Oslo"},
    ),
    Remedy(
        "tool_calls.not-in-text",
        FAULTS["bracket-beside-call"].apply(),
        """
message = answer.choices[0].message
text = None if message.tool_calls else message.content
result = text
""",
        None,
    ),
    Remedy(
        "content.annotations",
        FAULTS["annotation-again"].apply(),
        """
annotations = []
for annotation in answer.choices[0].message.annotations:
    if annotation not in annotations: annotations.append(annotation)
result = len(annotations)
""",
        1,
    ),
    Remedy(
        "structured.schema",
        FAULTS["json-under-a-key"].apply(),
        f"""
import json
{_SAID}answer = json.loads(text)
answer = next(iter(answer.values())) if len(answer) == 1 else answer
result = answer
""",
        {"city": "Lyon", "population": 522000},
    ),
    Remedy(
        "content.once",
        FAULTS["first-piece-twice"].apply(),
        """
text = ""
for chunk in stream:
    piece = chunk.choices[0].delta.content or ""
    if piece != text:
        text += piece
result = text
""",
        "The river is long.",
    ),
]

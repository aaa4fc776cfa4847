"""Client code that follows the advice on texts that the model did not say."""

from remedies import Remedy

from harness.simulate.faults import FAULTS

_SAID = "text = answer.choices[0].message.content\n"

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
]

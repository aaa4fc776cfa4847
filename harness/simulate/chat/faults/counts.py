"""Faults of the token counts: their place, and their sums."""

from typing import Any

import orjson

from harness.simulate.edits import (
    Change,
    Edit,
    NothingChanged,
    any_chunk,
    before_done,
    body,
    chunks,
    compose,
    drop,
    has_content,
    has_finish_reason,
    has_no_finish_reason,
    has_no_usage,
    has_usage,
    insert,
    only_if,
    remove,
    rename,
    repeat,
    set_value,
)
from harness.simulate.fault import Fault
from harness.wire.exchange import Exchange
from harness.wire.shapes import as_object

_OPENAPI = "https://github.com/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_OPTIONS, _USAGE, _CHUNK, _REQUEST = (f"{_OPENAPI}#L{line}" for line in (31765, 32211, 33665, 33105))
_PYDANTIC = (
    "https://github.com/pydantic/pydantic-ai/blob/4fda38988f2939fa6ea9cdefcf120693e10ef491/tests/models/cassettes"
)
_REQ_LLM = "https://github.com/neilberkman/req_llm/blob/1c985d8a8ba0b3f291cae9ceff6d8369fd6342b7/test/support/fixtures"
_FANTASY = "https://github.com/charmbracelet/fantasy/blob/f6d4d1e3022229bd6e77717416336bf50e1693ad/providertests/testdata/TestOpenAICompatibleCommon"
_VERCEL = "https://github.com/vercel/ai/blob/ed857f50f112e23930b0c2dd8d532cc8bebbc911/packages"
_LOBEHUB = "https://github.com/lobehub/lobehub/blob/12294ca08a4c7f117ac378380a264f20ea573df9/packages/model-runtime/src/core/streams/openai/openai.ts"
_HIGRESS = "https://github.com/higress-group/higress/blob/8e4041c9ba9a97d0494fa56b784fa30866adca35/plugins/wasm-go/extensions/ai-proxy/README.md"
_AIPROXY = (
    "https://github.com/labring/aiproxy/blob/aebeb5ec60415093db37c49dfda3fb6aa7ffd01e/core/relay/adaptor/doubao/chat.go"
)
_DEEPSEEK = "https://github.com/brainlid/langchain/pull/288"
_MOONSHOT = "https://github.com/earendil-works/pi/issues/2017"
_GROQ = f"{_FANTASY}/groq-kimi-k2/simple_streaming.yaml"
_XAI = f"{_FANTASY}/xai-grok-4-fast/multi_tool_streaming.yaml"
_LOCALAI = "https://github.com/mudler/LocalAI/issues/1194"
_EMPTY = "https://github.com/MacPaw/OpenAI/pull/339"
_PER_CHUNK = "https://github.com/coaidev/coai/issues/356"
_PORTKEY = "https://github.com/Portkey-AI/gateway/issues/1754"
_WITHOUT_CACHE = "https://github.com/browser-use/browser-use/pull/4294"
_TWICE = "https://github.com/theopenco/llmgateway/pull/3486"
_UNCOUNTED = "https://github.com/router-for-me/CLIProxyAPI/issues/5733"
_PREDICTED = "https://github.com/Helicone/helicone/issues/5805"
_INFLATED = "https://github.com/vllm-project/vllm-ascend/issues/16941"
_NOT_SUMMED = "https://github.com/vllm-project/vllm/pull/9357"
_MARK = b"data: [DONE]\n\n"

_FIRST, _LAST = slice(0, 1), slice(-1, None)


def _counts(prompt: int, completion: int, total: int | None = None) -> dict[str, int]:
    total = prompt + completion if total is None else total
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}


def _own(usage: Any, **more: Any) -> Change:
    """Return the change that adds a chunk with empty choices and ``usage`` before the end mark."""
    chunk = {"id": "chatcmpl-reference", "object": "chat.completion.chunk", "created": 1_760_000_000}
    return before_done({**chunk, "model": "gpt-4o-mini-2024-07-18", "choices": [], "usage": usage, **more})


def _set(**values: Any) -> Change:
    """Return the change of counts in the usage object."""
    return chunks(has_usage, *(set_value(f"usage/{name}", value) for name, value in values.items()))


def _behind_mark(content: bytes) -> bytes:
    """Return a stream whose last chunk comes after the end mark."""
    start = content.rindex(b'data: {"id"')
    return content[:start] + _MARK + content[start:].removesuffix(_MARK)


def _added_up(content: bytes) -> bytes:
    """Return a stream in which each usage also adds all earlier ones."""
    events, counted = content.split(b"\n\n"), 0
    for at, one in enumerate(events):
        if one.startswith(b"data: {"):
            counted += 40 * (at + 1)
            try:
                events[at] = b"data: " + orjson.dumps(orjson.loads(one[6:]) | {"usage": _counts(9, counted)})
            except orjson.JSONDecodeError:
                raise NothingChanged("a chunk is no JSON") from None
    return b"\n\n".join(events)


def _counted(exchange: Exchange, name: str) -> int:
    """Return a count of the last usage, or of its details."""
    usage = exchange.columns.usages[-1].value if exchange.columns.usages else {}
    count = usage.get(name, as_object(usage.get("completion_tokens_details")).get(name))
    if type(count) is not int:
        raise NothingChanged(f"no {name} is counted")
    return count


def _total_again(exchange: Exchange) -> Exchange:
    """Count the reasoning twice in the total, in a response whose text is about as long as its tokens imply."""
    return _set(total_tokens=_counted(exchange, "total_tokens") + _counted(exchange, "reasoning_tokens"))(exchange)


def _zero_output(exchange: Exchange) -> Exchange:
    """Count no output."""
    return _set(completion_tokens=0, total_tokens=_counted(exchange, "prompt_tokens"))(exchange)


def _details(whole: str, **counts: int) -> Change:
    """Return the change of counts in the details of ``whole`` tokens."""
    return chunks(
        has_usage, *(set_value(f"usage/{whole}_tokens_details/{name}", count) for name, count in counts.items())
    )


def _with_empty(times: int, *edits: Edit) -> Change:
    """Return the change that puts empty deltas before the end, and makes ``edits`` to the usage."""
    empty = {"id": "chatcmpl-reference", "object": "chat.completion.chunk", "created": 1_760_000_000}
    choice = {"index": 0, "delta": {"content": ""}, "logprobs": None, "finish_reason": None}
    chunk = {
        **empty,
        "model": "gpt-4o-mini-2024-07-18",
        "service_tier": "default",
        "system_fingerprint": "fp_reference",
    }
    return compose(
        insert(has_finish_reason, *[{**chunk, "choices": [choice], "usage": None}] * times), chunks(has_usage, *edits)
    )


_BOTH = chunks(has_finish_reason, set_value("choices/*/usage", _counts(9, 4)))

# fmt: off
_PLACES = (
    Fault("usage-absent", "No usage is sent though it was requested.", "chat.stream-usage", _OPTIONS, remove(has_usage), "usage.given"),
    Fault("usage-null-to-end", "The usage chunk comes and its usage is null.", "chat.stream-usage", _OPTIONS, chunks(has_usage, set_value("usage", None)), "usage.given"),
    Fault("usage-in-choice", "The usage is inside the last choice.", "chat.stream-usage", _MOONSHOT,
          compose(remove(has_usage), chunks(has_finish_reason, set_value("choices/*/usage", _counts(9, 4)))), "usage.given"),
    Fault("usage-in-x-groq", "The usage is under x_groq.", "chat.long", None,
          compose(remove(has_usage), chunks(has_finish_reason, set_value("x_groq", {"id": "req_1", "usage": _counts(9, 4)}))), "usage.given"),
    Fault("usage-under-other-name", "The usage is under another name.", "chat.stream-usage", _AIPROXY, chunks(has_usage, rename("usage", "bot_usage")), "usage.given"),
    Fault("usage-beside-finish", "The usage is beside the finish_reason, not in its own chunk.", "chat.stream-usage", _DEEPSEEK,
          compose(remove(has_usage), chunks(has_finish_reason, set_value("usage", _counts(9, 4)))), "usage.own-chunk"),
    Fault("usage-beside-text", "The usage is beside the last text.", "chat.stream-usage", "https://github.com/Routstr/routstr-core/pull/543",
          compose(remove(has_usage), chunks(has_content, set_value("usage", _counts(9, 4)), only=_LAST)), "usage.own-chunk"),
    Fault("usage-beside-late-choice", "The usage is beside an empty delta after the finish_reason.", "chat.stream-usage",
          f"{_PYDANTIC}/test_openrouter/test_openrouter_stream_error.yaml",
          chunks(has_usage, set_value("choices", [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])), "usage.own-chunk"),
    Fault("usage-key-missing-elsewhere", "The chunks before the usage have no usage key.", "chat.stream-usage", _GROQ,
          chunks(has_no_usage, drop("usage")), "usage.null-elsewhere"),
    Fault("usage-key-missing-once", "One chunk before the usage has no usage key.", "chat.capped", _XAI,
          chunks(has_content, drop("usage"), only=_FIRST), "usage.null-elsewhere"),
    Fault("usage-key-missing-and-beside-finish", "The usage is beside the finish_reason, and no other chunk has the key.", "chat.long",
          f"{_REQ_LLM}/zai/glm_4_5/streaming.json",
          compose(remove(has_usage), chunks(has_no_finish_reason, drop("usage")), chunks(has_finish_reason, set_value("usage", _counts(9, 4)))), "usage.null-elsewhere"),
    Fault("usage-empty-elsewhere", "Usage is an empty object before the end.", "chat.stream-usage", _EMPTY, chunks(has_no_usage, set_value("usage", {})), "usage.null-elsewhere"),
    Fault("usage-other-counts-in-first-chunk", "The first chunk has a usage without token counts.", "chat.stream-usage", _LOBEHUB,
          chunks(has_no_usage, set_value("usage", {"web_search_usage": {"tool_usage": 5, "page_usage": 20}}), only=_FIRST), "usage.null-elsewhere"),
    Fault("usage-unasked", "A usage chunk is sent though not requested.", "chat.stream", "https://github.com/bojieli/ai-agent-book/issues/915",
          _own(_counts(9, 4)), "usage.not-unasked"),
    Fault("usage-unasked-beside-finish", "Usage is beside the finish_reason though not requested.", "reasoning.stream",
          "https://github.com/neuron-core/neuron-ai/issues/223",
          chunks(has_finish_reason, set_value("usage", _counts(9, 14))), "usage.not-unasked"),
    Fault("usage-unasked-beside-call", "Usage is beside the end of a tool call though not requested.", "tools.auto",
          None,
          chunks(has_finish_reason, set_value("usage", _counts(9, 4))), "usage.not-unasked"),
    Fault("usage-twice", "Usage is beside the finish_reason and in its own chunk.", "chat.stream-usage", _GROQ,
          chunks(has_finish_reason, set_value("usage", _counts(9, 4))), "usage.once"),
    Fault("usage-chunk-twice", "The usage chunk is sent twice.", "chat.long", _GROQ, repeat(has_usage), "usage.once"),
    Fault("usage-in-choice-and-again", "Usage is inside the last choice and in its own chunk.", "chat.stream-usage", _MOONSHOT,
          only_if(lambda it: bool(it.columns.usages), _BOTH), "usage.once"),
    Fault("usage-unasked-in-choice", "Usage is inside the last choice though not requested.", "chat.stream", _MOONSHOT, _BOTH, "usage.not-unasked"),
    Fault("usage-of-each-chunk", "Each usage counts its own chunk alone.", "chat.stream-usage", _NOT_SUMMED,
          compose(chunks(any_chunk, set_value("usage", _counts(9, 1))), repeat(has_content), repeat(has_content), repeat(has_content)), "usage.grows"),
    Fault("usage-added-up", "Each usage includes everything counted before.", "chat.long", "https://github.com/vllm-project/vllm-omni/pull/2313",
          body(_added_up), "usage.grows"),
    Fault("usage-in-every-chunk", "Every chunk has a usage that grows.", "chat.stream-usage", f"{_VERCEL}/perplexity/src/__fixtures__/perplexity-citations.chunks.txt",
          compose(chunks(has_no_finish_reason, set_value("usage", _counts(9, 1))), chunks(has_finish_reason, set_value("usage", _counts(9, 4)))), "usage.once"),
    Fault("usage-in-every-chunk-unasked", "Every chunk has a usage though not requested.", "chat.stream", _PER_CHUNK,
          chunks(any_chunk, set_value("usage", _counts(9, 4))), "usage.once"),
    Fault("usage-zero-before-end", "Every chunk has a usage, with 0 in each count before the end.", "chat.stream-usage", _LOCALAI,
          chunks(has_no_usage, set_value("usage", _counts(0, 0))), "usage.once"),
    Fault("usage-falls", "Usage is sent in every chunk and falls at the end.", "chat.stream-usage", _PER_CHUNK,
          chunks(has_no_finish_reason, set_value("usage", _counts(9, 40))), "usage.grows"),
    Fault("usage-behind-mark", "The usage chunk follows the mark at the end.", "chat.stream-usage", _OPTIONS, body(_behind_mark), "usage.before-done"),
    Fault("usage-missing-in-body", "A body has no usage.", "chat.nonstream", _HIGRESS, chunks(any_chunk, drop("usage")), "usage.message"),
    Fault("usage-missing-beside-call", "A body with a tool call has no usage.", "tools.nonstream",
          "https://github.com/posit-dev/chatlas/blob/ea4531130e56d3c5bb003d87a1792dd942554b8d/tests/_vcr/test_provider_cloudflare/test_cloudflare_data_extraction.yaml",
          chunks(any_chunk, drop("usage")), "usage.message"),
    Fault("usage-null-in-body", "The usage of a body is null.", "chat.nonstream", None,
          chunks(any_chunk, set_value("usage", None)), "usage.message"),
    Fault("usage-empty-text", "usage is an empty text in a stream.", "chat.stream", _CHUNK, chunks(any_chunk, set_value("usage", "")), "usage.type"),
    Fault("usage-zero", "usage is 0 in a stream.", "tools.auto", _CHUNK, chunks(has_finish_reason, set_value("usage", 0)), "usage.type"),
    Fault("usage-list-in-body", "The usage of a body is a list.", "chat.nonstream", _USAGE, chunks(any_chunk, set_value("usage", lambda old: [old])), "usage.type"),
)

_NUMBERS = (
    Fault("count-missing", "total_tokens is missing.", "chat.nonstream", _HIGRESS, chunks(any_chunk, drop("usage/total_tokens")), "usage.integers"),
    Fault("count-only-total", "There is a total, and no prompt_tokens or completion_tokens.", "chat.stream-usage", _LOBEHUB,
          chunks(has_usage, set_value("usage", {"total_tokens": 13, "total_characters": 0})), "usage.integers"),
    Fault("count-empty-usage", "The usage of a body is an empty object.", "tools.nonstream", _EMPTY, chunks(any_chunk, set_value("usage", {})), "usage.integers"),
    Fault("count-text", "completion_tokens is a text.", "chat.stream-usage", _USAGE, _set(completion_tokens="4"), "usage.integers"),
    Fault("count-null", "completion_tokens is null.", "chat.nonstream", _USAGE, _set(completion_tokens=None), "usage.integers"),
    Fault("count-float", "The counts are written with a point.", "chat.nonstream", _USAGE,
          _set(prompt_tokens=9.0, completion_tokens=4.0, total_tokens=13.0), "usage.integers"),
    Fault("count-negative", "completion_tokens is -1.", "chat.capped", _USAGE, _set(completion_tokens=-1, total_tokens=8), "usage.integers"),
    Fault("total-without-thought", "The total counts reasoning tokens and completion_tokens does not.", "reasoning.nonstream", _HIGRESS,
          _set(completion_tokens=10, total_tokens=119), "usage.sum"),
    Fault("total-beyond-sum", "The total of a stream is more than its parts.", "chat.stream-usage", f"{_REQ_LLM}/xai/grok_3_mini_fast/streaming.json",
          _set(completion_tokens=1, total_tokens=303), "usage.sum"),
    Fault("total-zero", "The total is 0.", "tools.nonstream", "https://github.com/MiniMax-AI/MiniMax-M2.5/issues/2", _set(total_tokens=0), "usage.sum"),
    Fault("count-zero-completion", "completion_tokens is 0 though text came.", "chat.nonstream",
          None,
          _set(completion_tokens=0, total_tokens=9), "usage.positive"),
    Fault("count-zero-prompt", "prompt_tokens is 0.", "chat.stream-usage", _LOCALAI, _set(prompt_tokens=0, total_tokens=4), "usage.positive"),
    Fault("count-zero-all", "Every count is 0 though text came.", "chat.long", _LOCALAI, _set(prompt_tokens=0, completion_tokens=0, total_tokens=0), "usage.positive"),
    Fault("details-null", "prompt_tokens_details is null.", "chat.nonstream", f"{_REQ_LLM}/azure/deepseek_v3_0324/usage.json",
          _set(prompt_tokens_details=None), "usage.details"),
    Fault("details-both-null", "Both details are null in a stream.", "chat.stream-usage", f"{_VERCEL}/azure/src/__fixtures__/azure-deepseek-reasoning.1.chunks.txt",
          _set(prompt_tokens_details=None, completion_tokens_details=None), "usage.details"),
    Fault("details-list", "completion_tokens_details is a list.", "tools.nonstream", _USAGE, _set(completion_tokens_details=[]), "usage.details"),
    Fault("detail-null", "cached_tokens is null.", "chat.stream-usage", _USAGE,
          chunks(has_usage, set_value("usage/prompt_tokens_details/cached_tokens", None)), "usage.detail-counts"),
    Fault("detail-negative", "cached_tokens is -1.", "chat.nonstream", _USAGE,
          chunks(any_chunk, set_value("usage/prompt_tokens_details/cached_tokens", -1)), "usage.detail-counts"),
    Fault("detail-text", "reasoning_tokens is a text.", "reasoning.nonstream", _USAGE,
          chunks(any_chunk, set_value("usage/completion_tokens_details/reasoning_tokens", "8")), "usage.detail-counts"),
    Fault("thought-beyond-completion", "There are more reasoning tokens than completion tokens.", "reasoning.nonstream", f"{_FANTASY}/xai-grok-4-fast/multi_tool.yaml",
          chunks(any_chunk, set_value("usage/completion_tokens_details/reasoning_tokens", 94)), "usage.within-totals"),
    Fault("thought-beyond-completion-in-stream", "There are more reasoning tokens than completion tokens in a stream.", "chat.long",
          f"{_REQ_LLM}/openrouter/z_ai_glm_4_5/streaming.json",
          chunks(has_usage, set_value("usage/completion_tokens_details/reasoning_tokens", 50)), "usage.within-totals"),
    Fault("cached-beyond-prompt", "There are more cached tokens than prompt tokens.", "chat.stream-usage", _USAGE,
          chunks(has_usage, set_value("usage/prompt_tokens_details/cached_tokens", 1024)), "usage.within-totals"),
    Fault("cached-outside-prompt", "prompt_tokens leaves out the cached ones, and the total too.", "chat.stream-usage", _PORTKEY,
          _details("prompt", cached_tokens=2048), "usage.within-totals"),
    Fault("cached-in-total-only", "The total counts cached tokens, and prompt_tokens does not.", "chat.nonstream", _PORTKEY,
          compose(_set(prompt_tokens=12, total_tokens=21), _details("prompt", cached_tokens=5)), "usage.sum"),
    Fault("total-without-cached", "The total leaves out the cached tokens that prompt_tokens counts.", "chat.nonstream", _WITHOUT_CACHE,
          compose(_set(prompt_tokens=2060, total_tokens=16), _details("prompt", cached_tokens=2048)), "usage.sum"),
    Fault("total-counts-thought-twice", "The total counts reasoning that completion_tokens has counted.", "reasoning.nonstream", _TWICE,
          _total_again, "usage.sum"),
    Fault("thought-counted-in-details-only", "completion_tokens counts none of the reasoning, which the details count.", "reasoning.nonstream", _UNCOUNTED,
          compose(_set(completion_tokens=3, total_tokens=12), _details("completion", reasoning_tokens=9)), "usage.within-totals"),
    Fault("predictions-beyond-completion", "Accepted and rejected predictions are more than all of the output.", "chat.nonstream", _PREDICTED,
          _details("completion", accepted_prediction_tokens=300, rejected_prediction_tokens=200), "usage.within-totals"),
    Fault("rejected-beyond-completion", "More predictions were rejected than there is output.", "chat.long", "https://github.com/vllm-project/vllm/issues/50895",
          _details("completion", accepted_prediction_tokens=0, rejected_prediction_tokens=1200), "usage.within-totals"),
    Fault("audio-beyond-prompt", "More tokens of audio are counted than the prompt has.", "chat.nonstream", _USAGE, _details("prompt", audio_tokens=10**9), "usage.within-totals"),
    Fault("count-unsigned", "completion_tokens is -1, written without its sign.", "chat.nonstream", _USAGE,
          _set(completion_tokens=2**64 - 1, total_tokens=8), "usage.integers"),
    Fault("count-zero-beside-call", "completion_tokens is 0 though a tool was called.", "tools.nonstream", _LOCALAI, _zero_output, "usage.positive"),
    Fault("tokens-in-empty-deltas", "Sixty deltas are empty, and 1,868 tokens counted for two words.", "chat.stream-usage", _INFLATED,
          _with_empty(60, set_value("usage/completion_tokens", 1868), set_value("usage/total_tokens", 1877)), "usage.proportion"),
    Fault("count-beyond-any-model", "prompt_tokens is 675,947,905.", "chat.nonstream", "https://github.com/router-for-me/CLIProxyAPI/issues/6022",
          _set(prompt_tokens=675_947_905, total_tokens=675_947_909), "usage.proportion"),
    Fault("count-beyond-cap", "More completion tokens are counted than the token limit allows.", "chat.capped", _REQUEST,
          _set(completion_tokens=40, total_tokens=49), "usage.within-cap"),
    Fault("count-beyond-cap-in-body", "More completion tokens are counted in a body than the token limit allows.", "params.max-tokens", _REQUEST,
          _set(completion_tokens=80, total_tokens=89), "usage.within-cap"),
)
# fmt: on

FAULTS = (*_PLACES, *_NUMBERS)

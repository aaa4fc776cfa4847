"""
Write the tiny model that the engines run, as GGUF and as Hugging Face folders.

    python engines/make_model.py [FOLDER]          # needs gguf, numpy, safetensors, tokenizers

``tiny-chat`` answers at once, ``tiny-think`` thinks first; tiny_llama.py says what, and how.  Both have the same
weights: the chat template of the one that thinks puts ``<|reasoning|>`` into the prompt.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors.numpy import save_file
from tiny_llama import (
    CONTEXT,
    CONTROLS,
    END,
    EPSILON,
    FEED_FORWARD,
    HEAD_SIZE,
    HEADS,
    HIDDEN,
    PAD,
    ROPE_BASE,
    TAGS,
    Matrix,
    Vocabulary,
    Weights,
    weights,
)
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

HERE = Path(__file__).parent
MODELS = {"tiny-chat": False, "tiny-think": True}
"""Name, and whether it thinks."""


def chat_template(*, thinks: bool) -> str:
    """Return the Jinja source for one of the models."""
    source = (HERE / "chat_template.jinja").read_text(encoding="utf-8")
    return f"{{%- set thinks = {str(thinks).lower()} %}}\n{source}"


def write_folder(folder: Path, vocabulary: Vocabulary, model: Weights, template: str) -> None:
    """Write the model as ``transformers`` and what reads its format expect it."""
    folder.mkdir(parents=True, exist_ok=True)
    _tokenizer(vocabulary).save(str(folder / "tokenizer.json"))
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    ends = {"eos_token_id": vocabulary.number(END), "pad_token_id": vocabulary.number(PAD)}
    _write_json(folder / "generation_config.json", ends)
    _write_json(folder / "config.json", _config(vocabulary) | ends)
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": None,
            "eos_token": END,
            "pad_token": PAD,
            "model_max_length": CONTEXT,
            "clean_up_tokenization_spaces": False,
            "chat_template": template,
        },
    )
    save_file(_named_for_folder(model), folder / "model.safetensors", metadata={"format": "pt"})


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _tokenizer(vocabulary: Vocabulary) -> Tokenizer:
    numbers = {token: number for number, token in enumerate(vocabulary.tokens[: vocabulary.ordinary])}
    tokenizer = Tokenizer(models.BPE(vocab=numbers, merges=vocabulary.merges))
    # No splitting into words, so that a run of them may become one token; llama.cpp splits, and has a limit.
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    # Tags are no special tokens: an engine has to see them in the text to find a call or a thought.
    tokenizer.add_tokens([AddedToken(tag, normalized=False, special=False) for tag in TAGS])
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in CONTROLS])
    return tokenizer


def _config(vocabulary: Vocabulary) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(vocabulary.tokens),
        "hidden_size": HIDDEN,
        "intermediate_size": FEED_FORWARD,
        "num_hidden_layers": 1,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "head_dim": HEAD_SIZE,
        "hidden_act": "silu",
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": EPSILON,
        "rope_theta": ROPE_BASE,
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "bos_token_id": None,
    }


def _named_for_folder(model: Weights) -> dict[str, Matrix]:
    layer = "model.layers.0"
    return {
        "model.embed_tokens.weight": model.embedding,
        f"{layer}.input_layernorm.weight": model.attention_norm,
        f"{layer}.self_attn.q_proj.weight": model.query,
        f"{layer}.self_attn.k_proj.weight": model.key,
        f"{layer}.self_attn.v_proj.weight": model.value,
        f"{layer}.self_attn.o_proj.weight": model.attention_output,
        f"{layer}.post_attention_layernorm.weight": model.feed_forward_norm,
        f"{layer}.mlp.gate_proj.weight": model.gate,
        f"{layer}.mlp.up_proj.weight": model.up,
        f"{layer}.mlp.down_proj.weight": model.down,
        "model.norm.weight": model.output_norm,
        "lm_head.weight": model.output,
    }


def write_gguf(path: Path, vocabulary: Vocabulary, model: Weights, template: str) -> None:
    """Write the model as llama.cpp reads it."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(path.stem)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_vocab_size(len(vocabulary.tokens))
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(1)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(HEAD_SIZE)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_layer_norm_rms_eps(EPSILON)
    _add_tokenizer(writer, vocabulary, template)
    for name, matrix in _named_for_gguf(model).items():
        writer.add_tensor(f"{name}.weight", matrix)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokenizer(writer: gguf.GGUFWriter, vocabulary: Vocabulary, template: str) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(
        [gguf.TokenType.NORMAL] * vocabulary.ordinary
        + [gguf.TokenType.USER_DEFINED] * len(TAGS)
        + [gguf.TokenType.CONTROL] * len(CONTROLS)
    )
    writer.add_token_merges([" ".join(merge) for merge in vocabulary.merges])
    writer.add_bos_token_id(vocabulary.number(PAD))
    writer.add_eos_token_id(vocabulary.number(END))
    writer.add_pad_token_id(vocabulary.number(PAD))
    writer.add_add_bos_token(False)  # noqa: FBT003 - gguf takes it by place only
    writer.add_chat_template(template)


def _named_for_gguf(model: Weights) -> dict[str, Matrix]:
    return {
        "token_embd": model.embedding,
        "blk.0.attn_norm": model.attention_norm,
        "blk.0.attn_q": _interleaved(model.query),
        "blk.0.attn_k": _interleaved(model.key),
        "blk.0.attn_v": model.value,
        "blk.0.attn_output": model.attention_output,
        "blk.0.ffn_norm": model.feed_forward_norm,
        "blk.0.ffn_gate": model.gate,
        "blk.0.ffn_up": model.up,
        "blk.0.ffn_down": model.down,
        "output_norm": model.output_norm,
        "output": model.output,
    }


def _interleaved(matrix: Matrix) -> Matrix:
    """Lay the two of a rotary pair side by side, as GGUF has them; Hugging Face has them half a head apart."""
    pairs = matrix.reshape(HEADS, 2, HEAD_SIZE // 2, HIDDEN).swapaxes(1, 2)
    return np.ascontiguousarray(pairs).reshape(HIDDEN, HIDDEN)


def main() -> None:
    """Write both models in both forms."""
    parser = argparse.ArgumentParser(description="Write the tiny model that the engines run.")
    parser.add_argument("folder", nargs="?", type=Path, default=HERE / "build" / "models")
    folder: Path = parser.parse_args().folder
    vocabulary = Vocabulary()
    model = weights(vocabulary)
    for name, thinks in MODELS.items():
        template = chat_template(thinks=thinks)
        write_folder(folder / name, vocabulary, model, template)
        write_gguf(folder / f"{name}.gguf", vocabulary, model, template)
        print(folder / name)


if __name__ == "__main__":
    main()

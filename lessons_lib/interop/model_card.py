"""The model card: what stands in an exported folder's README for the person who finds it."""

from lessons_lib.model import Transformer
from lessons_lib.signatures import checked

CARD = """---
library_name: transformers
pipeline_tag: text-generation
tags:
- deepseek_v3
---

# A DeepSeek-V3 in miniature

Made in the course "DeepSeek on a Laptop" to learn from: it knows the course's toy corpus and nothing else.

| | |
|:--|--:|
{rows}

## How it was trained

{trained}

## How to open it

```python
from transformers import {imports}

model = AutoModelForCausalLM.from_pretrained("this folder")
{tokenizer}```

{mtp}No token ends a text by itself: say how many to write with `max_new_tokens`.
"""
TOKENIZER = """tokenizer = AutoTokenizer.from_pretrained("this folder")
text = tokenizer("A", return_tensors="pt")  # a text begins with the tag of its domain
print(tokenizer.decode(model.generate(**text, max_new_tokens=40, do_sample=False)[0]))
"""
MTP = """The file also holds {n} for predicting several tokens. `AutoModelForCausalLM` does not use it, and
may say that its weights were not used.

"""


@checked()
def model_card(model: Transformer, trained: str, *, has_tokenizer: bool) -> str:
    """Return the card of `model` in Markdown; `trained` tells how it was trained."""
    config = model.config
    rows = {
        "parameters": f"{sum(p.numel() for p in model.parameters()):,}",
        "layers": config.n_layers,
        "width": config.dim,
        "latent of keys and values": config.kv_lora_rank,
        "experts of a layer": config.n_routed_experts or "none",
        "of these for a token": config.n_activated_experts or "none",
        "tokens known": config.vocab_size,
        "longest text": config.max_seq_len,
    }
    n = config.n_mtp_layers
    return CARD.format(
        rows="\n".join(f"| {name} | {value} |" for name, value in rows.items()),
        trained=trained.strip() or "Not told by the one who exported it.",
        imports="AutoModelForCausalLM" + (", AutoTokenizer" if has_tokenizer else ""),
        tokenizer=TOKENIZER if has_tokenizer else "",
        mtp=MTP.format(n="a module" if n == 1 else f"{n} modules") if n else "",
    )

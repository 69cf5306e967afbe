#!/usr/bin/env bash
# diffusers: load_lora_adapter of what save_lora_adapter wrote loads nothing.
#
# Guess: the two are a pair; after load_lora_adapter(folder, use_safetensors=True) the model holds the saved adapter.
# Seen (2026-11, diffusers 0.42.1, peft 0.21.2): it holds none. Saving writes bare keys, loading keeps only those that begin with
# prefix="transformer" by default; a warning says "This is safe to ignore if ...". (And without use_safetensors=True, loading
# looks for a .bin that saving never writes.)
#     saved ['transformer_blocks.0.attn1.to_q.lora_A.weight', 'transformer_blocks.0.attn1.to_q.lora_B.weight']
#     default prefix: 0 LoRA tensors in the model, peft_config: False
#     prefix=None: 2 LoRA tensors in the model, peft_config: True
# Instead: pass prefix=None, and look whether peft_config is there.
set -euo pipefail
export PIP_DISABLE_PIP_VERSION_CHECK=1
tmp=$(mktemp -d) && trap 'rm -rf "$tmp"' EXIT && cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q torch==2.13.0 diffusers==0.42.1 peft==0.21.2 transformers==5.23.0 numpy==2.4.6
venv/bin/python - <<'PY' 2>&1
import diffusers
import peft
import torch
from diffusers import LTXVideoTransformer3DModel
from safetensors.torch import load_file

print("diffusers", diffusers.__version__, "peft", peft.__version__, "torch", torch.__version__)
size = {"in_channels": 4, "out_channels": 4, "num_attention_heads": 2, "attention_head_dim": 8}
size |= {"cross_attention_dim": 16, "num_layers": 1, "caption_channels": 8}


def build():
    torch.manual_seed(0)
    return LTXVideoTransformer3DModel(**size).eval()


trained = build()
trained.add_adapter(peft.LoraConfig(r=4, target_modules=["attn1.to_q"], init_lora_weights=False))
trained.save_lora_adapter("adapter")
saved = load_file("adapter/pytorch_lora_weights.safetensors")
print("saved", list(saved))
found = {}
for name, options in (("default prefix", {}), ("prefix=None", {"prefix": None})):
    model = build()
    model.load_lora_adapter("adapter", use_safetensors=True, **options)
    held = [key for key, _ in model.named_parameters() if "lora" in key]
    found[name] = len(held)
    print(f"{name}: {len(held)} LoRA tensors in the model, peft_config: {hasattr(model, 'peft_config')}")
raise SystemExit(0 if found == {"default prefix": 0, "prefix=None": len(saved)} else 1)
PY

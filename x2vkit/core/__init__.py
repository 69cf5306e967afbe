"""The model, a file a stage: text, vae, patches, attention, transformer, conditions, sampler."""

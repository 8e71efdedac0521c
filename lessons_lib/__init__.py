"""The helper library of "DeepSeek on a Laptop": what more than one lesson needs.

Data passes through its rooms in this order, and imports go only this way:
config, corpus, model, precision, parallel, training, reasoning, interop; `show` and `checks` may use all.
"""

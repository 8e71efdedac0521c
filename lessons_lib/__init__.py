"""The helper library of "DeepSeek on a Laptop": what more than one lesson needs.

Data passes through its rooms in this order, and imports go only this way:
precision, config, corpus, model, parallel, runs, training, reasoning, interop; `show` and `checks` may use
all. `lessons.toml`, read by `lessons`, lists the lessons of the course; every room may ask it.
"""

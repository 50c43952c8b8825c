"""Frame the operations pages: who may enter, what a page may load, how it looks.

A page is one module in `service/ops/pages`, with a template of its own in `service/templates/ops`.
"""

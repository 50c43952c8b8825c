"""Both remote systems, DrChrono and OnCall Health, as real HTTP servers that can misbehave.

Started only as a process (`python -m sandbox`), it shares no code with the service, so that a
misreading of the documents in one is not repeated in the other. Where the documents leave a
behaviour open, it is a switch (`sandbox.behaviours`).
"""

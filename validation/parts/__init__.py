"""This will answer one question about a VM at a time (syncs, networks, volumes, jobs), in the contract's words.

Each part is a function from facts to the body of an answer. Whether the VM is ready is said by the checks of readiness
themselves: no part has an opinion of its own.
"""

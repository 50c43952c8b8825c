"""Say what a batch is: kinds, states, fates, and the sentences of what goes wrong in one."""

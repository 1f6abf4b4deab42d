"""What a user declares: tasks, lazy results, tail calls, and the protocols of the replaceable parts."""

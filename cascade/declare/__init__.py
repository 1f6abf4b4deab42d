"""Declarations of users: tasks, results, policies, control flow, inputs and resources."""

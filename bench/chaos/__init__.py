"""The fault laboratory: real processes, a seeded schedule of faults, and a checker of what must
hold whatever happens.

    clients ──► proxy ──► viva serve (one or two) ──► proxy ──► rehearsal interviewer
                              └──► embedded Postgres

Everything a call did is looked at afterwards from four sides: its log, its stored audio, what its
client sent and received, and what Gemini's sessions received (`evidence`). Each law of `invariants`
is a plain function over that.
"""

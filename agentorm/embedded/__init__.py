"""An index of vectors in this process, beside an engine that has none.

It is derived from the rows and from a log of their changes, and holds what was committed. Who
searches adds what the own transaction sees beyond that, and reads the finalists anew, so that
nothing here has to be believed.
"""

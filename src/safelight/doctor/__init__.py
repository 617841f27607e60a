"""Report on the installation, the machine, its speed and its problems: ``safelight doctor``.

Nothing here changes anything: no folder or file is made, and the network is not used. Each part
of the report is a module; :mod:`safelight.doctor.report` puts them together.
"""

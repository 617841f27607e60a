"""Report on the installation, the machine, its speed and its problems: ``safelight doctor``.

Everything here looks and changes nothing: no folder or file is made, nothing is asked of the
network. Each part of the report is a module; :mod:`safelight.doctor.report` puts them together.
"""

"""The catalogue as one document: written for another installation or a safe place, looked at, and read back.

`tables` says what stands in it, `values` how, `exporting` and `importing` carry it out. What belongs to one company,
its own price list or what was agreed with it, is no part of the catalogue and stays out.
"""

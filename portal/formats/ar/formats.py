"""How Arabic pages write dates and times: 18 نوفمبر 2026, 10:30.

Digits are 0-9 everywhere: amounts, invoice numbers and phone numbers are read beside papers and systems that have
those, and 1,234.50 must be the same figure in all of them. Months are written out, as day and month in figures may be
confused beside text that runs from right to left.
"""

DATE_FORMAT = "j F Y"
LONG_DATE_FORMAT = "j F Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j F Y، H:i"
PRECISE_DATETIME_FORMAT = "j F Y، H:i:s"
LONG_DATETIME_FORMAT = "j F Y، H:i"
PRECISE_DATETIME_FORMAT = "j F Y، H:i:s"
SHORT_DATE_FORMAT = "j F Y"
SHORT_DATETIME_FORMAT = "j F Y، H:i"
PRECISE_DATETIME_FORMAT = "j F Y، H:i:s"
MONTH_DAY_FORMAT = "j F"
YEAR_MONTH_FORMAT = "F Y"
DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3

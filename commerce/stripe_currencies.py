"""The currencies that Stripe takes, by ISO code: its decimals, and the least that a card is charged."""

# Decimals by which Stripe counts, where it takes the currency. https://docs.stripe.com/currencies
_STRIPE_EXPONENTS = {
    0: "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF",
    2: (
        "AED ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC CVE"
        " CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR ISK JMD KES KGS KHR"
        " KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN"
        " PGK PHP PKR PLN QAR RON RSD SAR SBD SCR SEK SGD SHP SLE SOS SRD SZL THB TJS TOP TRY TTD TWD TZS UAH UGX USD"
        " UYU UZS WST XCD YER ZAR ZMW"
    ),
    3: "BHD JOD KWD OMR TND",
}
STRIPE_EXPONENTS = {code: exponent for exponent, codes in _STRIPE_EXPONENTS.items() for code in codes.split()}

# The least that a card is charged, in Stripe's units. Where the account settles in another currency, Stripe's own limit
# may be above it. https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
MINIMUMS = {
    "AED": 200, "AUD": 50, "BGN": 100, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1500, "DKK": 250, "EUR": 50, "GBP": 30,
    "HKD": 400, "HUF": 17500, "INR": 50, "JPY": 50, "MXN": 1000, "MYR": 200, "NOK": 300, "NZD": 50, "PLN": 200,
    "RON": 200, "SEK": 300, "SGD": 50, "THB": 1000, "USD": 50,
}  # fmt: skip
_OTHERWISE = 50  # Where none is named, so that what is sold is worth a payment.


def least_charge_minor(currency: str) -> int:
    """The least that is sold for a card to pay at once, in minor units of ISO 4217.

    Those are Stripe's units, too, for every currency that has a minimum.
    """
    return MINIMUMS.get(currency, _OTHERWISE)

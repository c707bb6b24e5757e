"""Defines the colours and dashes of all figures, which people who cannot tell red from green can tell apart."""

# Okabe and Ito's colours, told apart in all common kinds of colour blindness; yellow, faint on white, comes last.
OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#000000", "#F0E442")
DASHES = ("solid", "dash", "dot", "dashdot")

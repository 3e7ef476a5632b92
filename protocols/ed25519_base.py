"""Odd multiples of the Ed25519 base point, shipped because deriving them costs a verification.

Row 0 holds 1, 3, ... 31 times B (RFC 8032, 5.1), row 1 the same of 2^127 B. Each multiple is
y - x, y + x and 2dxy modulo p, 32 bytes little-endian. `tests/protocols/test_ed25519.py` derives
every byte again.
"""

from binascii import a2b_base64

BASE_WINDOW = 6
BASE_ROWS = (
    a2b_base64(
        "PpFA1wU5EJ2zvkDRBZ85/QmKj2g0hMGlZxL4mJIv/USFO4z1xpO8LxkOjPvGLZPPwkI9ZJhICydlutQzOp3PB2iqeocF"
        "EsmrnsSqzCPo2SaMWUPdy30bWqhlDJ9oexFvZdL8pOgfYVZ9usHl/VPTO73WSyEa8zGBYtpbVYcVuSowl+5MqLAlr4pL"
        "hugwhFoCMmcBnwJQG8H0+ICaG04WeonY0A0/k64UYto1HCIjlFhM2/KMReVw0ca0uRKvJihautZHpMOCkX+3KSdL0RQA"
        "1YegZLgc8Tzj81Ub63N+ShUzu6UIRLwSogLtXsfDSFCNROy/WgzrG93rBuJG8cxFKYWCKoHx27u8/NG90AcIDictp70b"
        "C2cbtJq2O2tpvqpDsSEyqposb7qnI7o7UyGgbDosGZJPduqd4BdTLl3dbh2/o06U0Fwaa9LAnbM6NXB0SS5UKIJSsnF+"
        "kjwoaeobRqKzuAHIbYPxmqQ+BUdfA7PzrXdYukGcUqeQD2ocu596ZICdA34hbvObQSD1toGgmESwXucIxsuWj5zc+lFa"
        "wEkvY6imimcum8VGvFFvnlCmtfWGxskzss5Zf92KM+25NBuvRZC/6LQGL9IZp+iD/+IWz9STKfz2qgaLABsCcsFzSEOG"
        "SQJbXzGBgwh3abPWPpXrjWpVdaCjf8fVKYBZqxjeKoCKhAC/LycuMALP/tnlBjRwF3GEPhGvj21U4qp1QumJYP3FLCvY"
        "pOSCMqG0HgMihhq1mRExREj5PbUiVcY9k79/MjsBb1Brb3ebyev8rmhZraoyshKdpyRgFy2IZwJtfwCiIsJwv9vevLWa"
        "s4S/B7oH+xIOelNB8kbD7tdPI3ijLnMZoWBTcdSN37HmNyQz5aeR+DfvomN4Car9pntJC8+MRobNCwTWEJkqpJuC05JR"
        "sgcIMAh1v17QGELNtUOg6s8TA8zOJG0knBiNwkiG0NTywfq9vS0r5y3xFyniYRa10Jsvdppd7t4/N06vOOtwQtaTfVou"
        "A0LY5AohYR1Rh94gREiGEwi07ZK1FvAciiUtlCknTvo5EChI4m/+p3GBnQ6V73bGkk8E18DNIEalSBKPb2Q2m6rjVbjd"
        "JFkybVTIyKW4gnFsAypf/nkU/TMMjXeDGFnPcqnqnlW2xEZHRxF0ZMhGhTRJyPwO3a41fTKjcgZ2mpP/1ua1fUljliEr"
        "msZtPHt30xf2iW8nsvretRY6tfccZUW3n/403lGaXGcO8XnP8RD1W1FY5qHa3f93IhQQF6fDCbsjgmA8UARIddE2OtIh"
        "aDsynpvppwq0u0eKgyDkXJ5dXkzeWIgJHnfHf6Ms0J4kxKusFabjoFmgIw5uydduqYhtaVAWpZgzVd8eRXjS9RKay5yJ"
        "hXld2joIlaWfLUp/RxGm9Y/W0V5aWXNSWMXg5bp+ndvKGVwuOemrHNoePGUoRNzvXxNgmwGDDhX+KhKVEdg1S34lmiDP"
        "IB5xHin4h3Pwkr/Yl7isRINLE14UaGAeFkwwJE/m9cTXPhr8qIhuUJIvreb9SQwVaKjcnDyGSbjQSnG420Q/yI0WNgxW"
        "4z7+wfsFHnnXpng4EUcJlfJ7jlGmdU85729drQinJcR5rxAimblbB1ora3a5oEdLcL9Y1UgXdFWzAaaQ9ULVsR8rqgBd"
        "1Ur8f1xywJjQHPcrgJFmY17tpGxB/kyZAklxXVjf5/pV+CVG1Uyymc/RFWdC5DQNogIR1VJznxASi3sV0SOj87F8J8lM"
        "eVNQrMImxPZKWHL2Mq3tmrwhEDEK8TLQKoWOzG97NQhwNEpYgrufG9ArebTSY2SrRwJiU0icYzG2KNTWaTYqqRMBP3c4"
        "J2eIC/vM+5X6yMy4timtuaPVLY1qD61RmH7vBuV9V8Acd5PKXNw1UB7kQHVx4ALYAQ9oJGr4KorfbSk8QSUfuy5N6/wf"
        "ua1AxxCVuAWtodB9o3H8e3FHB3AsiQoTpxTZ+RWtrhL5j4z5ey+pMNdTnxcj+K+6dwxJk9OZeuijvTYk7VKPlAfoV0HI"
        "qHfgnC8mY2WppdL3AoPSYmco"
    ),
    a2b_base64(
        "ziqMXOlysKJLnB5llvzPaSu050L4jjJEs96qIsGW2V0HMvheQjzytLU0qcnTlPir94f9OROMcNAwYRYXkXh2GHxQDGfw"
        "XluSvzM8uULIm4E/AN1wmi55EHTcKG56S61ZwI6zfoVPqtq4bQCZabXvyIwU7h9J6gO3hIs7lwSNmnYtrvCZyoy2wB8a"
        "hl7OND7tZMuOcUXLRGlDFpOrg1+QUa7Lu6eYwKU14KmLTBCoTalIHzGtf2AyYc0ReS+uTdcyTCu20GIo/0yHCKHOtMWf"
        "syB0T0eq0M/OxQ+DQmqIDHvB1UE15Y20AtZGZgf6RqDJMlmAKE2SZtTjYz1mAjnbcxvVwqdO6dVRDgSKloMUuYB7k/mx"
        "9ixLW52SXc2b+jcbqgJezpMV82yAOz12ZIWHmwyYFHbChuQC2b5A6vILUHbnTG4ifouxWXkg+SalUSvLfY6bkpEol4Sw"
        "Y5wwq2FSWXza2oGYwwjpUGAoC3oR4nfPCWJB2YH7TfBv8uE6qMBR+e3fK59TE9bn5A4pKmYr8TOeiyX6YI5J/GVC6/Yi"
        "nj2qL5outJZUb2BQ3oIvtjyDcNtje/chLinhMEh1noutf9MfZG1F3TXEzhEqEdHZcQ68omA1HUC33KUyJorzirtHJ5Em"
        "fsnjBjrZEXjYLsHxwFknSBaqzEl5iF4T+NLfaj1GSAZG/rIldpq37JEIfZjP4T8fB5jT0VX+rcEkLLQbVXLsvADqIETl"
        "3jB1qGN+YkQ0t/12e3Gti5YsjVps6MA5h0g4ahNFXl3ftDbtP5qCuIoBA4E16rRZjaeZfy9RHjc+Tuzkp0jQnJ3CEf3z"
        "4s3dHIy299tCVmakGaDl9FRLDRriX2NIWovEjTcY9f5NCx9HsTnmtpYgY3BtdzsUDXJ+b3C8zGdndFstduBsyQuDR35s"
        "vvWuZfH+t/VxIph+2T1lAi4n6Z8nJTeJOOpb4bw2K8X4ZWMFVS6qK+yvVoMFbY55T5+6nu4aMt+G52uaqKfRb8M6VnS+"
        "SRxh850K/nlb+E+gncnBr17HLt/utizIAr75+62hhZsoLSge/XURjzCEM0rOWx4JCdmDtwRs9kTwuoW49hsmituR0Tgi"
        "GUXKMO29DZBWnXkJo9WPEhXcm+MDHtris0iqw/KNW7QuXZ1L6dZ7TUseNNGR/sHGtfJPEEAQsehBqzEgEtuSEqLDIigs"
        "xzLaB4ThbK4mLMLd9DbP6gcbJeSIen4/JlEtvOxhQkZgvP9EyjXtr4gT/c28bvfbGXX+6Xi1oxYv3/hLknN7GdOglvXU"
        "yzWTjepBO17Wh8IrIRbZ98B2Rpe5jgSyBQA6Iz2ZXMMcoRHLpvZvcw5KxPVKLy4lfHNitWTwYIQjIvNu8gRL7pUo1qCL"
        "qe9dcUe36OhqRqSpGHiqUkNmfXw/QNgt5IypA9DfC1JPsj139x+0X8UYr+VPdcjj86GKV06Q/pCOPJFOddQzfekePPnO"
        "lSl8WfqbBnq8wZooJds3By538MH2cLCXj4R9IkglZXK4SIFgK6xZ+U3UVVLmcjFKI5RvQwNgkNzld0bnfYvI3vZugzYX"
        "ZGCP7C8Ihb2iGWHhsD25bXcbeXQzAIeKYhOpBNxtnQZT/86QzNiXMobPe1r0WViWve305dpZMZ+MxxWNX6Yo2y0FCPJg"
        "KA2eSJ9SYAS7IUSF8YkvGL7fEkiocX2anxq9Oc/25piAd6eErUybSR8pEKlOFTcMOOwJgqnvCXXr2J4gaGpkzaMZKO0t"
        "XJU7KLix6p0/lPRSScl60qiVz9fA8bdrqEBwEK2zKPEy2q5N2Rg8V7NYeTeaHF5PD13E8qTpoZJEqX97a5Ip8BM+roVL"
        "riu6cy8yVc9URMZzQTuX3VbIBuRm1biVb3aKeMDB9vfQpyRVAlfppmQoZfiYPebq5X1q3P47cH/v0CQgiT3I0RNw2uhY"
        "bvFVscusPCwe+5orAW6wcEbj6KoyUGhtWjYg5dsJO4rIFZE5af7MQch8uOuY8EHEqYoex4tzDsbrH1ZrXslmO5YNE4wm"
        "H7FEiBwms5S9y4cBNhIGlNJd"
    ),
)

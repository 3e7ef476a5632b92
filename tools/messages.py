"""Every text of the operator's commands: (Vietnamese, English)."""

TEXTS: dict[str, tuple[str, str]] = {
    "passphrase": (
        "Mật khẩu của khóa {holder}",
        "Passphrase of key {holder}",
    ),
    "pin": ("Mã PIN của thẻ giữ khóa {holder}", "PIN of the token that holds {holder}"),
    "token_named": (
        "Khóa {holder} ở trong thẻ; tệp {path} chỉ nói thẻ nào, không giữ bí mật.",
        "Key {holder} stays on the token; {path} says which, and holds no secret.",
    ),
    "typo": (
        "Gõ nhầm: {what}. Xin gõ lại.",
        "Mistyped: {what}. Please type it again.",
    ),
    "key_made": (
        "Khóa {holder} nằm trong {path}\n  Mật khẩu, chỉ hiện một lần, chép ra giấy: {passphrase}",
        "Key {holder} stands in {path}\n  Passphrase, shown this once, write it down: {passphrase}",
    ),
    "founded": (
        "Đã lập kho cho {groups} nhóm. Gốc tin cậy: {phrase}",
        "The repository stands, with {groups} groups. Root of trust: {phrase}",
    ),
    "record_written": ("Biên bản lễ lập khóa: {path}", "Record of the ceremony: {path}"),
    "published": (
        "Đã công bố phiên bản {version}.",
        "Published as version {version}.",
    ),
    "waiting": (
        "Còn thiếu {missing} chữ ký cho {role}; đã giữ lại chờ ký tiếp.",
        "{missing} signatures are still missing for {role}; it waits for them.",
    ),
    "exported": (
        "Tệp cần ký: {path}. Ký bằng: chieng-tool sign {path} --key KHÓA",
        "To be signed: {path}. Sign with: chieng-tool sign {path} --key KEY",
    ),
    "dropped": ("Đã xóa khóa cũ {keyid}.", "Deleted the old key {keyid}."),
    "forged": ("Đã xóa tệp giả {name}.", "Removed the forged file {name}."),
    "expires": ("{date}  {role}  (khóa: {holder})", "{date}  {role}  (key: {holder})"),
    "expires_online": (
        "{date}  {role}  (máy chủ tự gia hạn)",
        "{date}  {role}  (the hub renews it by itself)",
    ),
    "expires_none": (
        "Không có chữ ký nào hết hạn trong {days} ngày.",
        "No signature ends within {days} days.",
    ),
    "orphan": (
        "{role} không còn chữ ký có hiệu lực: cần người duyệt ký lại.",
        "{role} has no signature that counts any more: an approver must sign it again.",
    ),
    "waits": (
        "{role} phiên bản {version} đang chờ chữ ký.",
        "{role} {version} waits.",
    ),
    "adopted": ("Lấy lại {role} phiên bản {version}.", "Brought back {role}, version {version}."),
    "adopted_none": (
        "Không bản sao nào có gì mới hơn.",
        "No copy holds anything newer.",
    ),
    "missing_manifest": (
        "Không bản sao nào có {path}: người duyệt cần ký lại.",
        "No copy holds {path}: its approvers must sign it again.",
    ),
    "reissued": ("Đã ký lại {count} trang đơn vị.", "Signed {count} unit views anew."),
    "unit_in_force": ("Đơn vị {unit} đã có hiệu lực.", "Unit {unit} is in force."),
    "unit_closed": (
        "Đã đóng đơn vị {unit}; cụm thu nào còn ở đó sẽ báo lỗi.",
        "Unit {unit} is closed; nodes left there will report it.",
    ),
    "sign_what": (
        "Sắp ký {role}, phiên bản {version}, hiệu lực đến {date}:",
        "About to sign {role}, version {version}, valid until {date}:",
    ),
    "sign_item": ("  - {kind}: {title}", "  - {kind}: {title}"),
    "sign_rule": ("      phát: {when}", "      plays: {when}"),
    "sign_blob": ("      {profile} {sha256} {verdict}", "      {profile} {sha256} {verdict}"),
    "blob_same": ("đúng tệp đã nghe", "is the file in the folder"),
    "blob_absent": ("KHÔNG có trong thư mục", "is NOT in the folder"),
    "sign_target": ("  - {path} ({length} byte)", "  - {path} ({length} bytes)"),
    "sign_grant": (
        "  - {role}: {threshold} trong {count} khóa: {keys}",
        "  - {role}: {threshold} of {count} keys: {keys}",
    ),
    "sign_confirm": (
        "Gõ chữ «có» để ký, phím khác để thôi:",
        "Type «yes» to sign, anything else to leave it:",
    ),
    "sign_left": ("Không ký.", "Not signed."),
    "signed": (
        "Đã ký {path} bằng khóa {keyid}. Mang tệp này về máy chủ.",
        "Signed {path} with key {keyid}. Bring this file back to the hub.",
    ),
    "alert_written": (
        "Cảnh báo {id} nằm trong {path}, hiệu lực đến {date}. Chép cả thư mục vào USB.",
        "Alert {id} stands in {path}, valid until {date}. Copy the whole folder to the stick.",
    ),
    "alert_cosigned": (
        "Cảnh báo {id} nay có {count} chữ ký.",
        "Alert {id} now has {count} signatures.",
    ),
    "alert_drill": ("DIỄN TẬP", "DRILL"),
    "alert_real": ("CẢNH BÁO THẬT", "REAL ALERT"),
    "alert_what": (
        "{kind} của đơn vị {unit}: «{title}», đến {date}",
        "{kind} of unit {unit}: «{title}», until {date}",
    ),
    "record_title": ("Biên bản lễ lập khóa", "Record of the key ceremony"),
    "record_date": ("Ngày lập: {date}", "Made on: {date}"),
    "record_root": (
        "Gốc tin cậy (phiên bản {version}), SHA-256: {sha256}",
        "Root of trust (version {version}), SHA-256: {sha256}",
    ),
    "record_phrase": (
        "Đọc qua điện thoại: {phrase}",
        "To be read over the telephone: {phrase}",
    ),
    "record_role": ("Vai trò", "Role"),
    "record_threshold": ("Số chữ ký", "Signatures"),
    "record_expires": ("Hết hạn", "Expires"),
    "record_keys": ("Khóa (SHA-256)", "Keys (SHA-256)"),
    "record_signatures": ("Chữ ký của những người có mặt", "Signed by those present"),
    "record_advice": (
        "Mỗi người giữ USB và tờ mật khẩu của mình ở hai nơi khác nhau. Không ai giữ hai khóa gốc.",
        "Each holder keeps the stick and the sheet in two places. Nobody holds two root keys.",
    ),
}

# What to do next, in Vietnamese, by error code; English stands in the error itself.
FAULTS: dict[str, str] = {
    "keys.passphrase": "Lấy đúng tờ mật khẩu in cùng với khóa này.",
    "keys.passphrase_typo": "So lại với tờ mật khẩu rồi gõ lại.",
    "keys.format": "Dùng nguyên tệp khóa đã tạo trong lễ lập khóa.",
    "keys.unknown": "Lấy ít nhất tám ký tự đầu của khóa trong `chieng-tool keys record`.",
    "keys.missing": "Chạy lệnh thay khóa cho vai trò đó.",
    "keys.online": "Khôi phục keys/online từ bản sao lưu, hoặc chạy `chieng-tool keys online`.",
    "keys.threshold": "Mời đủ số người giữ khóa.",
    "keys.folders": "Mỗi người giữ khóa gốc cần một USB riêng.",
    "keys.exists": "Chọn tên khác, hoặc cất khóa cũ đi trước.",
    "repository.empty": "Chạy `chieng-tool keys found` trước.",
    "repository.exists": "Chọn thư mục trống, hoặc thay khóa của kho này.",
    "repository.format": "Lấy lại tệp đó từ nguồn.",
    "repository.group": "Mở nhóm bằng `chieng-tool keys groups`.",
    "repository.name": "Dùng chữ thường, chữ số, dấu chấm, gạch ngang.",
    "repository.role": "Thêm đơn vị hoặc nhóm trước.",
    "repository.signatures": "Mời đủ người ký, hoặc xuất tệp bằng --export để ký nơi khác.",
    "repository.threshold": "Ghi mỗi khóa một lần và ít nhất bằng số chữ ký cần có.",
    "repository.unit": "Thêm đơn vị trước.",
    "repository.unit_id": "Viết dạng <nhóm>.<mã>, ví dụ 03.k7f2.",
    "request.expired": "Xuất lại tệp cần ký từ máy chủ.",
    "request.file": "Đừng ký tệp này; xuất lại từ máy chủ.",
    "request.format": "Xuất lại tệp cần ký từ máy chủ.",
    "request.key": "Ký bằng khóa đang có hiệu lực cho đơn vị đó.",
    "request.stale": "Đã có công bố mới hơn: xuất lại và ký lại.",
    "request.version": "Kiểm tra đồng hồ của cả hai máy rồi xuất lại.",
    "offline_alert.life": "Chỉ ký cảnh báo tối đa 24 giờ.",
    "offline_alert.format": "Tạo lại tệp bằng `chieng-tool alert`.",
    "token.pin": "Gõ đúng mã PIN; phần lớn thẻ tự khóa sau vài lần sai.",
    "token.unreachable": "Cắm đúng thẻ rồi thử lại.",
    "tool.file": "Kiểm tra đường dẫn và USB.",
    "tool.time": "Viết số giờ từ 1 đến 24.",
    "tool.audio": "Dùng tệp WAV 16 kHz, một kênh, 16 bit.",
}

"""Words to start from: what officers say again and again, with gaps in brackets to fill in.

The texts are what nodes say, so they are Vietnamese whatever language the reader of the page has.
"""

from typing import NamedTuple

from hub.translations import N_


class Template(NamedTuple):
    """Name a template (`name`, and `label` on the page) and hold its title and text."""

    name: str
    label: str
    legal_class: str
    title: str
    text: str


TEMPLATES = (
    Template(
        "storm",
        N_("Storm"),
        "emergency",
        "Cảnh báo bão khẩn cấp",
        "Khẩn cấp! Bão sắp đổ bộ vào địa bàn. Đề nghị bà con về nhà ngay, chằng chống nhà cửa, "
        "không ra sông, suối, không trú dưới cây to. Người ở nhà tạm đến nơi tránh trú an toàn "
        "theo hướng dẫn của cán bộ thôn, làng.",
    ),
    Template(
        "flood",
        N_("Flood"),
        "emergency",
        "Cảnh báo lũ khẩn cấp",
        "Khẩn cấp! Nước lũ đang lên nhanh. Đề nghị bà con vùng trũng, ven sông, ven suối sơ tán "
        "ngay lên nơi cao. Đưa người già, trẻ em đi trước. Không lội qua ngầm, tràn, không vớt "
        "củi trên sông.",
    ),
    Template(
        "fire",
        N_("Fire"),
        "emergency",
        "Cảnh báo cháy khẩn cấp",
        "Khẩn cấp! Đang có cháy lớn trên địa bàn. Đề nghị bà con tránh xa khu vực cháy, nhường "
        "đường cho xe chữa cháy, ngắt điện và khoá bình ga. Ai gặp nguy hiểm gọi ngay số 114.",
    ),
    Template(
        "dam",
        N_("Dam release"),
        "emergency",
        "Cảnh báo xả lũ hồ chứa",
        "Khẩn cấp! Hồ chứa sắp xả lũ, nước hạ du sẽ lên nhanh. Đề nghị bà con rời ngay khỏi lòng "
        "sông, bãi bồi, đưa người, gia súc và tài sản lên nơi cao. Không qua sông, không đánh bắt "
        "cá cho đến khi có thông báo an toàn.",
    ),
    Template(
        "landslide",
        N_("Landslide"),
        "emergency",
        "Cảnh báo sạt lở đất",
        "Khẩn cấp! Có nguy cơ sạt lở đất. Đề nghị bà con sống dưới chân đồi, ven taluy rời nhà "
        "ngay và đến nơi tránh trú an toàn. Không đi qua đoạn đường có đất đá rơi.",
    ),
    Template(
        "vaccination",
        N_("Vaccination"),
        "normal",
        "Thông báo tiêm chủng",
        "Trạm y tế thông báo: tổ chức tiêm chủng cho [đối tượng] vào [giờ], ngày [ngày], tại "
        "[nơi]. Đề nghị bà con đưa trẻ đến đúng giờ và mang theo sổ tiêm chủng.",
    ),
    Template(
        "power-cut",
        N_("Power cut"),
        "normal",
        "Thông báo tạm ngừng cấp điện",
        "Điện lực thông báo: tạm ngừng cấp điện từ [giờ] đến [giờ], ngày [ngày], tại [nơi]. "
        "Đề nghị bà con chủ động sắp xếp sinh hoạt và sản xuất.",
    ),
    Template(
        "lost-person",
        N_("Lost person"),
        "priority",
        "Tìm người lạc",
        "Thông báo tìm người: [họ tên], [tuổi] tuổi, mặc [quần áo], rời nhà lúc [giờ], ngày "
        "[ngày], tại [nơi]. Ai biết tin xin báo cho Công an xã theo số [điện thoại].",
    ),
    Template(
        "election",
        N_("Election"),
        "normal",
        "Thông báo bầu cử",
        "Uỷ ban bầu cử thông báo: ngày bầu cử là [ngày]. Khu vực bỏ phiếu số [số] đặt tại [nơi], "
        "mở cửa từ [giờ] đến [giờ]. Đề nghị cử tri mang theo thẻ cử tri và đi bầu đầy đủ.",
    ),
    Template(
        "greeting",
        N_("Greeting"),
        "normal",
        "Lời chúc mừng",
        "Nhân dịp [ngày lễ], Đảng uỷ, Hội đồng nhân dân, Uỷ ban nhân dân và Uỷ ban Mặt trận Tổ "
        "quốc xã gửi tới toàn thể bà con lời chúc sức khoẻ, hạnh phúc và bình an.",
    ),
    Template(
        "mourning",
        N_("Mourning"),
        "normal",
        "Tin buồn",
        "Uỷ ban nhân dân xã và gia đình báo tin: [ông, bà] [họ tên], [tuổi] tuổi, đã từ trần lúc "
        "[giờ], ngày [ngày]. Lễ viếng từ [giờ], ngày [ngày], tại [nơi]. Xin chia buồn cùng "
        "gia đình.",
    ),
)


def of_class(emergency: bool) -> list[Template]:
    """Return the templates of emergencies, or the others."""
    return [one for one in TEMPLATES if (one.legal_class == "emergency") == emergency]


def named(name: str, emergency: bool) -> Template | None:
    """Return a template of emergencies (or of the others), or None."""
    return next((one for one in of_class(emergency) if one.name == name), None)

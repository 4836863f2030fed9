//! The default gifts of a new database. An operator changes them in the table.

/// A gift of the default catalogue.
pub(super) struct DefaultGift {
    pub id: i64,
    pub name_en: &'static str,
    pub name_ar: &'static str,
    pub category: &'static str,
    /// The price in coins.
    pub price: i64,
    pub vip_level: i16,
}

impl DefaultGift {
    /// The rarity, by the price: common below 99 coins, rare below 999, epic below 9,999, and then legendary.
    pub const fn rarity(&self) -> &'static str {
        match self.price {
            9_999.. => "legendary",
            999..9_999 => "epic",
            99..999 => "rare",
            _ => "common",
        }
    }

    /// The sender's experience per coin in basis points: 10,000 for common and rare gifts, 12,000 for epic ones and
    /// 15,000 for legendary ones.
    pub const fn xp_bp(&self) -> i32 {
        match self.price {
            9_999.. => 15_000,
            999..9_999 => 12_000,
            _ => 10_000,
        }
    }
}

const fn gift(
    id: i64,
    name_en: &'static str,
    name_ar: &'static str,
    category: &'static str,
    price: i64,
) -> DefaultGift {
    DefaultGift { id, name_en, name_ar, category, price, vip_level: 0 }
}

/// The default gifts. An id never changes, because the journal names it.
pub(super) const DEFAULT: &[DefaultGift] = &[
    gift(1, "Rose", "وردة", "hot", 1),
    gift(2, "Clap", "تصفيق", "hot", 1),
    gift(3, "Heart", "قلب", "hot", 5),
    gift(4, "Coffee", "قهوة", "hot", 9),
    gift(5, "Lollipop", "مصاصة", "normal", 19),
    gift(6, "Star", "نجمة", "normal", 29),
    gift(7, "Balloon", "بالون", "normal", 49),
    gift(8, "Rainbow", "قوس قزح", "hot", 99),
    gift(9, "Perfume", "عطر", "normal", 199),
    gift(10, "Teddy", "دبدوب", "normal", 299),
    gift(11, "Ring", "خاتم", "normal", 499),
    gift(12, "Bouquet", "باقة ورد", "normal", 699),
    gift(13, "Fireworks", "ألعاب نارية", "hot", 999),
    gift(14, "Car", "سيارة", "normal", 1_999),
    gift(15, "Yacht", "يخت", "normal", 2_999),
    gift(16, "Unicorn", "يونيكورن", "normal", 4_999),
    gift(17, "Castle", "قلعة", "normal", 7_999),
    gift(18, "Plane", "طائرة", "normal", 9_999),
    gift(19, "Planet", "كوكب", "normal", 14_999),
    gift(20, "Rocket", "صاروخ", "hot", 19_999),
    gift(21, "Lion", "أسد", "normal", 29_999),
    gift(22, "Galaxy", "مجرة", "normal", 44_999),
    DefaultGift { vip_level: 3, ..gift(23, "Crown", "تاج", "vip", 1_888) },
    gift(24, "Lantern", "فانوس", "event", 88),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names_are_unique() {
        let keys: [fn(&DefaultGift) -> String; 3] =
            [|gift| gift.id.to_string(), |gift| gift.name_en.into(), |gift| gift.name_ar.into()];
        for key in keys {
            let keys: std::collections::HashSet<String> = DEFAULT.iter().map(key).collect();
            assert_eq!(keys.len(), DEFAULT.len());
        }
    }

    #[test]
    fn rarity_and_experience_follow_the_price() {
        let of = |name| DEFAULT.iter().find(|gift| gift.name_en == name).map(|gift| (gift.rarity(), gift.xp_bp()));
        assert_eq!(of("Lantern"), Some(("common", 10_000)));
        assert_eq!(of("Rainbow"), Some(("rare", 10_000)));
        assert_eq!(of("Fireworks"), Some(("epic", 12_000)));
        assert_eq!(of("Plane"), Some(("legendary", 15_000)));
    }
}

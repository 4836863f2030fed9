//! Levels of experience: at how much experience each begins. There is no I/O here.

/// The minor units of one point of experience, as balances count them.
const XP_UNIT: i64 = 10_000;
/// Levels begin at multiples of this many points.
const STEP: i64 = 50;
/// The highest level.
pub const HIGHEST: i64 = 100;

/// The experience at which a level begins, in minor units (1/10,000 point): 50·L²·(1 + L/10) points, rounded to 50.
pub fn xp_of(level: i64) -> i64 {
    let level = level.clamp(0, HIGHEST);
    let exact = 5 * level * level * (10 + level);
    (exact + STEP / 2) / STEP * STEP * XP_UNIT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_begin_where_the_catalogue_says() {
        let points: Vec<i64> = [0, 1, 2, 3, 10, 100].map(|level| xp_of(level) / XP_UNIT).into();
        assert_eq!(points, [0, 50, 250, 600, 10_000, 5_500_000]);
        assert!((0..HIGHEST).all(|level| xp_of(level) < xp_of(level + 1)));
    }
}

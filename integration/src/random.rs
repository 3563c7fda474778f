//! Random numbers that can be had again.

/// SplitMix64: any two seeds give streams that have nothing to do with each other.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of this number under this seed.
    pub fn of(seed: u64, number: u64) -> Random {
        let mut seeded = Random(seed);
        Random(seeded.bits() ^ number.wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Some number from `from` up to, without, `to`.
    pub fn between(&mut self, from: u32, to: u32) -> u32 {
        from + (self.bits() % u64::from(to - from)) as u32
    }

    /// True so many times of a hundred.
    pub fn percent(&mut self, share: u32) -> bool {
        self.between(0, 100) < share
    }

    /// One of these, all alike. Panics where there is none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let number = u32::try_from(from.len()).expect("lists are short");
        &from[self.between(0, number) as usize]
    }

    /// One of these words.
    pub fn word<'a>(&mut self, from: &[&'a str]) -> &'a str {
        self.pick::<&str>(from)
    }
}

//! Numbers that look random and are the same in every run: splitmix64.

/// A generator that gives the same numbers for the same seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator with this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    #[allow(clippy::should_implement_trait, reason = "the numbers do not end, and no caller needs an iterator")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below the limit.
    ///
    /// # Panics
    ///
    /// Panics if the limit is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// An index into something of this length.
    ///
    /// # Panics
    ///
    /// Panics if the length is 0.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("below a length")
    }

    /// One of these.
    ///
    /// # Panics
    ///
    /// Panics if there are none.
    pub fn one_of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.index(items.len())]
    }

    /// A number that is as often at an edge of the range (0, all ones, around a power of two, small) as it is any other.
    pub fn edge(&mut self) -> u64 {
        let power = 1 << self.below(64);
        match self.below(6) {
            0 => 0,
            1 => u64::MAX,
            2 => power,
            3 => power - 1,
            4 => self.below(64),
            _ => self.next(),
        }
    }
}

#[test]
fn a_seed_gives_the_numbers_that_splitmix64_gives() {
    let mut random = Random::new(0);
    assert_eq!(
        [0; 3].map(|_: u8| random.next()),
        [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f]
    );
    assert!((0..1000).all(|_| random.index(3) < 3));
}

//! Turns bytes into choices: what a structured target does is dealt from its input.
//!
//! Bytes are used from the front to the back, and zeros follow the last one. So a change of one byte
//! changes one choice and leaves those before it alone, which is what a fuzzer that flips bytes
//! needs; and an input means the same as long as its target asks for the same things in the same order.

/// The rest of an input.
#[derive(Clone, Debug)]
pub struct Hand<'a> {
    rest: &'a [u8],
}

impl<'a> Hand<'a> {
    /// All of an input.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Are all bytes used?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.rest.split_first() else {
            return 0;
        };
        self.rest = rest;
        first
    }

    /// A coin.
    pub fn coin(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// A number below that one, which is at most 256.
    pub fn below(&mut self, end: u32) -> u32 {
        u32::from(self.byte()) % end.max(1)
    }

    /// A small number, as a time or a length has: each byte stands for another magnitude.
    pub fn magnitude(&mut self) -> u64 {
        let byte = u64::from(self.byte());
        // Sixteen numbers near each power of two up to 2^15, beginning with 0.
        (byte & 15) << (byte >> 4)
    }

    /// Two bytes.
    pub fn short(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// Four bytes.
    pub fn word(&mut self) -> u32 {
        u32::from(self.short()) << 16 | u32::from(self.short())
    }

    /// Eight bytes.
    pub fn long(&mut self) -> u64 {
        u64::from(self.word()) << 32 | u64::from(self.word())
    }

    /// That many bytes, or as many as are left.
    pub fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (part, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        part
    }

    /// Some bytes: how many says the next one.
    pub fn some_bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte());
        self.bytes(length)
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_dealt_from_the_front_and_zeros_follow() {
        let mut hand = Hand::new(&[1, 2, 3, 4, 2, 7, 8, 9]);
        assert_eq!(hand.word(), 0x0102_0304);
        assert_eq!(hand.some_bytes(), [7, 8]);
        assert!(!hand.is_empty());
        assert_eq!(hand.short(), 0x0900);
        assert!(hand.is_empty());
        assert_eq!((hand.byte(), hand.below(7), hand.magnitude()), (0, 0, 0));
        assert_eq!(hand.rest(), [0_u8; 0]);
        assert_eq!(Hand::new(&[0xff]).magnitude(), 15 << 15);
    }
}

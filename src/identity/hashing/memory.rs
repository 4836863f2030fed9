//! The memory in which a password is hashed, straight from the system.
//!
//! From the allocator it would not come back: after the first large block is freed, glibc takes the next ones from the
//! heaps of its threads, where they stay (mallopt(3), `M_MMAP_THRESHOLD`). Measured: 64 registrations, 16 at a time, left
//! 700 MB resident.

use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;

use argon2::Block;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Memory for one hash at a time; it is taken when it is first needed, and given back when it is dropped.
#[derive(Default, Debug)]
pub(in crate::identity) struct Memory(Option<Mapping>);

impl Memory {
    /// So many blocks of 1 KiB. They may hold what an earlier hash left in them: argon2 writes each before it reads it.
    ///
    /// # Errors
    /// The system has no memory left for this process.
    pub(in crate::identity) fn blocks(&mut self, count: usize) -> io::Result<&mut [Block]> {
        if self.0.as_ref().is_none_or(|mapping| mapping.blocks < count) {
            // The smaller one goes back first, so that there are never two.
            self.0 = None;
            self.0 = Some(Mapping::of(count)?);
        }
        let mapping = self.0.as_mut().expect("it was made above");
        Ok(&mut mapping.all()[..count])
    }

    /// Whether memory is held now.
    #[cfg(test)]
    pub(super) fn is_held(&self) -> bool {
        self.0.is_some()
    }
}

/// Pages that only this value knows.
#[derive(Debug)]
struct Mapping {
    first: NonNull<Block>,
    blocks: usize,
}

// SAFETY: the pages belong to this value alone, wherever it is.
#[allow(unsafe_code)]
unsafe impl Send for Mapping {}

impl Mapping {
    fn of(blocks: usize) -> io::Result<Self> {
        let bytes = NonZeroUsize::new(blocks.saturating_mul(Block::SIZE)).ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: a new private mapping at an address that the kernel chooses changes no memory that is in use.
        #[allow(unsafe_code)]
        let first = unsafe {
            mmap_anonymous(None, bytes, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_PRIVATE)
        }?;
        Ok(Self { first: first.cast(), blocks })
    }

    fn all(&mut self) -> &mut [Block] {
        // SAFETY: the mapping has room for these blocks and begins at a page, so it is aligned for them. It is zeroed,
        // and every bit pattern is a `Block`, which consists of integers. The borrow of `self` makes it the only one.
        #[allow(unsafe_code)]
        unsafe {
            std::slice::from_raw_parts_mut(self.first.as_ptr(), self.blocks)
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping was made with this address and length, and nothing can refer to it any more.
        #[allow(unsafe_code)]
        let freed = unsafe { munmap(self.first.cast(), self.blocks * Block::SIZE) };
        debug_assert!(freed.is_ok(), "a whole mapping can always be freed");
    }
}

#[cfg(test)]
mod tests {
    use super::{Block, Memory};

    #[test]
    fn memory_is_kept_for_the_next_hash_and_grows_if_that_one_needs_more() {
        let mut memory = Memory::default();
        memory.blocks(8).expect("there is memory")[7] = Block::new();
        let first = memory.blocks(8).expect("there is memory").as_ptr();
        assert_eq!(memory.blocks(4).expect("there is memory").as_ptr(), first, "the same memory");
        assert_eq!(memory.blocks(4).expect("there is memory").len(), 4);
        assert_eq!(memory.blocks(4_096).expect("there is memory").len(), 4_096);
        assert!(memory.blocks(0).expect("it needs none").is_empty());
        assert!(Memory::default().blocks(usize::MAX).is_err(), "more than there is");
    }
}

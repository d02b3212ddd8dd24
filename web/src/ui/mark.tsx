// The mark of the house: a building on its new foundation.

export function Mark({ size = 24 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <path d="M8 5h16v7H8z" fill="var(--mark-top)" />
      <path d="M5 14.500h22v5H5z" fill="var(--rail-mark)" />
      <path d="M2 22h28v5H2z" fill="var(--mark-ground)" />
    </svg>
  );
}

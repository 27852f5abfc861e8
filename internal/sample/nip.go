package sample

import "strconv"

// NIP returns the i-th of a fixed row of NIPs with right check digits; NIP(0) is "5265877635". They differ from each other for i from 0 to 2,793,880.
func NIP(i int) string {
	if i == 0 {
		return "5265877635"
	}
	// Of two neighbours 2k and 2k+1 one has a check digit: their weighted sums differ by 7, so not both leave the remainder 10.
	nine := 521_000_000 + 2*(uint64(i)%39_000_000)
	for {
		digits := strconv.FormatUint(nine, 10)
		sum := 0
		for j, weight := range [...]int{6, 5, 7, 2, 3, 4, 5, 6, 7} {
			sum += weight * int(digits[j]-'0')
		}
		if sum%11 < 10 {
			return digits + strconv.Itoa(sum%11)
		}
		nine++
	}
}

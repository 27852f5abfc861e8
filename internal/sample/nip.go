package sample

import "strconv"

// NIP returns number i of a fixed sequence of NIPs with right check digits; NIP(0) is "5265877635".
// The NIPs are distinct for i from 0 to 2,793,880.
func NIP(i int) string {
	if i == 0 {
		return "5265877635"
	}
	// The check digit is the weighted sum of the nine digits modulo 11. A number whose remainder is
	// 10 has no check digit. The sums of 2k and 2k+1 differ by 7, the weight of the last digit. So
	// at least one of these two numbers has another remainder and thus a check digit.
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

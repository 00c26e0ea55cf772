/** The passwords most often found in leaks, of eight characters or more, in lower case. The first that a guesser tries. */
const COMMON: ReadonlySet<string> = new Set(
  `00000000 11111111 111111111 1111111111 11223344 12121212 123123123 12341234 12344321 12345678 123456789 1234567890
   123454321 123456789a 1234qwer 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 22222222 55555555 66666666 77777777 87654321 88888888
   987654321 9876543210 99999999 a1234567 a12345678 aa123456 abc12345 abcd1234 asdfasdf asdfghjk asdfghjkl baseball
   chocolate computer football iloveyou internet jennifer letmein1 liverpool p@ssw0rd passw0rd password password1
   password12 princess q1w2e3r4 q1w2e3r4t5 qazwsxedc qwer1234 qwerty12 qwerty123 qwertyui qwertyuiop starwars sunshine
   superman trustno1 welcome1 whatever zaq12wsx zxcvbnm1`.split(/\s+/),
)

/** True for a password that anybody would guess, in whatever case it is written. */
export function isCommonPassword(password: string): boolean {
  return COMMON.has(password.toLowerCase())
}

import type { MailTexts } from '../catalogue.js'

export const DA: MailTexts = {
  dir: 'ltr',
  linkHint: 'Hvis knappen ikke virker, så åbn dette link:',
  validFor: 'Linket gælder i {duration} og kun én gang.',
  labels: { time: 'Tidspunkt', device: 'Enhed', address: 'IP-adresse' },
  footer: 'Du får denne mail på grund af en konto hos {app}.',
  kinds: {
    confirm_email: {
      subject: 'Bekræft din e-mailadresse',
      paragraphs: ['Velkommen til {app}. Bekræft venligst, at denne e-mailadresse er din.'],
      button: 'Bekræft adresse',
      after: ['Har du ikke oprettet en konto? Så se bort fra denne mail.'],
    },
    confirm_new_email: {
      subject: 'Bekræft din nye e-mailadresse',
      paragraphs: ['Du vil bruge {email} til din konto hos {app}. Bekræft venligst, at adressen er din.'],
      button: 'Bekræft adresse',
      after: ['Var det ikke dig? Så se bort fra denne mail: intet bliver ændret.'],
    },
    email_change_requested: {
      subject: 'Din e-mailadresse er ved at blive ændret',
      paragraphs: [
        'En person, der er logget ind på din konto hos {app}, vil ændre dens adresse til {email}.',
        'Indtil den nye adresse er bekræftet, bliver intet ændret.',
      ],
      after: ['Var det ikke dig? Så skift din adgangskode nu: en anden er inde på din konto.'],
    },
    registration_taken: {
      subject: 'Du har allerede en konto',
      paragraphs: [
        'Nogen har prøvet at oprette en konto hos {app} med denne adresse. Du har allerede en konto: bare log ind.',
        'Hvis du har glemt din adgangskode, kan du bede om en ny der.',
      ],
      after: ['Var det ikke dig? Så skal du ikke gøre noget. Ingen er kommet ind på din konto.'],
    },
    reset_password: {
      subject: 'Vælg en ny adgangskode',
      paragraphs: ['Nogen har bedt om en ny adgangskode til din konto hos {app}.'],
      button: 'Vælg ny adgangskode',
      after: ['Var det ikke dig? Så se bort fra denne mail: din adgangskode er uændret.'],
    },
    invitation: {
      subject: 'Du er inviteret til {app}',
      paragraphs: ['{inviter} inviterer dig til {app}.'],
      otherwise: ['Du er inviteret til {app}.'],
      button: 'Tag imod invitationen',
      after: ['Ventede du det ikke? Så se bort fra denne mail.'],
      footer: 'Du får denne mail, fordi nogen har inviteret denne adresse til {app}.',
    },
    invitation_taken: {
      subject: 'Du har allerede en konto',
      paragraphs: ['Nogen har inviteret dig til {app}. Du har allerede en konto: bare log ind.'],
    },
    new_device: {
      subject: 'Nyt login på din konto',
      paragraphs: ['Nogen er logget ind på din konto hos {app} fra en enhed, vi ikke kendte.'],
      after: ['Var det dig? Så er alt i orden. Hvis ikke, så skift din adgangskode nu.'],
    },
    password_changed: {
      subject: 'Din adgangskode er ændret',
      paragraphs: ['Adgangskoden til din konto hos {app} er ændret.'],
      after: ['Var det ikke dig? Så bed om en ny adgangskode nu.'],
    },
    email_changed: {
      subject: 'Din e-mailadresse er ændret',
      paragraphs: ['Adressen på din konto hos {app} er nu {email}. Der kommer ikke mere mail om den hertil.'],
      after: ['Var det ikke dig? Så kontakt folkene bag {app} nu.'],
    },
    session_reused: {
      subject: 'Vi har afsluttet en af dine sessioner',
      paragraphs: [
        'En session på din konto hos {app} er blevet brugt to steder. Måske har nogen kopieret den, så vi har afsluttet den.',
        'Log venligst ind igen.',
      ],
      after: ['Hvis du ikke kender enheden, så skift også din adgangskode.'],
    },
  },
}

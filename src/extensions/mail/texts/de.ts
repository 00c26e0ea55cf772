import type { MailTexts } from '../catalogue.js'

export const DE: MailTexts = {
  dir: 'ltr',
  linkHint: 'Falls der Knopf nicht geht, öffnen Sie diesen Link:',
  validFor: 'Der Link gilt {duration} lang und nur einmal.',
  labels: { time: 'Zeit', device: 'Gerät', address: 'IP-Adresse' },
  footer: 'Sie bekommen diese Mail wegen eines Kontos bei {app}.',
  kinds: {
    confirm_email: {
      subject: 'Bestätigen Sie Ihre E-Mail-Adresse',
      paragraphs: ['Willkommen bei {app}. Bitte bestätigen Sie, dass diese E-Mail-Adresse Ihnen gehört.'],
      button: 'Adresse bestätigen',
      after: ['Sie haben sich nicht angemeldet? Dann ist nichts zu tun.'],
    },
    confirm_new_email: {
      subject: 'Bestätigen Sie Ihre neue E-Mail-Adresse',
      paragraphs: [
        'Sie möchten {email} für Ihr Konto bei {app} verwenden. Bitte bestätigen Sie, dass diese Adresse Ihnen gehört.',
      ],
      button: 'Adresse bestätigen',
      after: ['Das waren nicht Sie? Dann ist nichts zu tun: Es ändert sich nichts.'],
    },
    email_change_requested: {
      subject: 'Ihre E-Mail-Adresse soll geändert werden',
      paragraphs: [
        'Jemand, der in Ihrem Konto bei {app} angemeldet ist, möchte dessen Adresse in {email} ändern.',
        'Solange die neue Adresse nicht bestätigt ist, ändert sich nichts.',
      ],
      after: ['Das waren nicht Sie? Dann ändern Sie jetzt Ihr Passwort: Jemand anderes ist in Ihrem Konto.'],
    },
    registration_taken: {
      subject: 'Sie haben schon ein Konto',
      paragraphs: [
        'Jemand wollte sich bei {app} mit dieser Adresse registrieren. Sie haben schon ein Konto: Melden Sie sich einfach an.',
        'Falls Sie Ihr Passwort vergessen haben, fordern Sie dort ein neues an.',
      ],
      after: ['Das waren nicht Sie? Dann ist nichts zu tun. Niemand ist in Ihr Konto gelangt.'],
    },
    reset_password: {
      subject: 'Wählen Sie ein neues Passwort',
      paragraphs: ['Jemand hat ein neues Passwort für Ihr Konto bei {app} angefordert.'],
      button: 'Neues Passwort wählen',
      after: ['Das waren nicht Sie? Dann ist nichts zu tun: Ihr Passwort bleibt, wie es ist.'],
    },
    invitation: {
      subject: 'Sie sind zu {app} eingeladen',
      paragraphs: ['{inviter} lädt Sie zu {app} ein.'],
      otherwise: ['Sie sind zu {app} eingeladen.'],
      button: 'Einladung annehmen',
      after: ['Sie haben das nicht erwartet? Dann ist nichts zu tun.'],
      footer: 'Sie bekommen diese Mail, weil jemand diese Adresse zu {app} eingeladen hat.',
    },
    invitation_taken: {
      subject: 'Sie haben schon ein Konto',
      paragraphs: ['Jemand hat Sie zu {app} eingeladen. Sie haben schon ein Konto: Melden Sie sich einfach an.'],
    },
    new_device: {
      subject: 'Neue Anmeldung in Ihrem Konto',
      paragraphs: ['Jemand hat sich in Ihrem Konto bei {app} von einem Gerät angemeldet, das wir noch nicht kannten.'],
      after: ['Das waren Sie? Dann ist alles gut. Wenn nicht, ändern Sie jetzt Ihr Passwort.'],
    },
    password_changed: {
      subject: 'Ihr Passwort wurde geändert',
      paragraphs: ['Das Passwort Ihres Kontos bei {app} wurde geändert.'],
      after: ['Das waren nicht Sie? Dann fordern Sie jetzt ein neues Passwort an.'],
    },
    email_changed: {
      subject: 'Ihre E-Mail-Adresse wurde geändert',
      paragraphs: ['Die Adresse Ihres Kontos bei {app} ist jetzt {email}. Hierher kommt keine Mail mehr dazu.'],
      after: ['Das waren nicht Sie? Dann wenden Sie sich jetzt an die Leute von {app}.'],
    },
    session_reused: {
      subject: 'Wir haben eine Sitzung beendet',
      paragraphs: [
        'Eine Sitzung Ihres Kontos bei {app} wurde an zwei Orten verwendet. Vielleicht hat sie jemand kopiert, darum haben wir sie beendet.',
        'Bitte melden Sie sich neu an.',
      ],
      after: ['Wenn Sie dieses Gerät nicht kennen, ändern Sie auch Ihr Passwort.'],
    },
  },
}

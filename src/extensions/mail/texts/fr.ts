import type { MailTexts } from '../catalogue.js'

export const FR: MailTexts = {
  dir: 'ltr',
  linkHint: 'Si le bouton ne fonctionne pas, ouvrez ce lien :',
  validFor: 'Le lien est valable {duration}, et une seule fois.',
  labels: { time: 'Heure', device: 'Appareil', address: 'Adresse IP' },
  footer: "Vous recevez cet e-mail en raison d'un compte chez {app}.",
  kinds: {
    confirm_email: {
      subject: 'Confirmez votre adresse e-mail',
      paragraphs: ['Bienvenue chez {app}. Veuillez confirmer que cette adresse e-mail est la vôtre.'],
      button: "Confirmer l'adresse",
      after: ['Vous ne vous êtes pas inscrit ? Alors ignorez cet e-mail.'],
    },
    confirm_new_email: {
      subject: 'Confirmez votre nouvelle adresse e-mail',
      paragraphs: [
        'Vous voulez utiliser {email} pour votre compte chez {app}. Veuillez confirmer que cette adresse est la vôtre.',
      ],
      button: "Confirmer l'adresse",
      after: ["Ce n'était pas vous ? Alors ignorez cet e-mail : rien ne change."],
    },
    email_change_requested: {
      subject: 'Votre adresse e-mail va changer',
      paragraphs: [
        "Quelqu'un qui est connecté à votre compte chez {app} veut remplacer son adresse par {email}.",
        "Tant que la nouvelle adresse n'est pas confirmée, rien ne change.",
      ],
      after: [
        "Ce n'était pas vous ? Alors changez tout de suite de mot de passe : quelqu'un d'autre est dans votre compte.",
      ],
    },
    registration_taken: {
      subject: 'Vous avez déjà un compte',
      paragraphs: [
        "Quelqu'un a voulu s'inscrire chez {app} avec cette adresse. Vous avez déjà un compte : il suffit de vous connecter.",
        'Si vous avez oublié votre mot de passe, demandez-en un nouveau là-bas.',
      ],
      after: ["Ce n'était pas vous ? Alors il n'y a rien à faire. Personne n'est entré dans votre compte."],
    },
    reset_password: {
      subject: 'Choisissez un nouveau mot de passe',
      paragraphs: ["Quelqu'un a demandé un nouveau mot de passe pour votre compte chez {app}."],
      button: 'Choisir un mot de passe',
      after: ["Ce n'était pas vous ? Alors ignorez cet e-mail : votre mot de passe reste le même."],
    },
    invitation: {
      subject: 'Vous êtes invité à rejoindre {app}',
      paragraphs: ['{inviter} vous invite à rejoindre {app}.'],
      otherwise: ['Vous êtes invité à rejoindre {app}.'],
      button: "Accepter l'invitation",
      after: ['Vous ne vous y attendiez pas ? Alors ignorez cet e-mail.'],
      footer: "Vous recevez cet e-mail parce que quelqu'un a invité cette adresse à rejoindre {app}.",
    },
    invitation_taken: {
      subject: 'Vous avez déjà un compte',
      paragraphs: [
        "Quelqu'un vous a invité à rejoindre {app}. Vous avez déjà un compte : il suffit de vous connecter.",
      ],
    },
    new_device: {
      subject: 'Nouvelle connexion à votre compte',
      paragraphs: [
        "Quelqu'un s'est connecté à votre compte chez {app} depuis un appareil que nous ne connaissions pas.",
      ],
      after: ["C'était vous ? Alors tout va bien. Sinon, changez tout de suite de mot de passe."],
    },
    password_changed: {
      subject: 'Votre mot de passe a été changé',
      paragraphs: ['Le mot de passe de votre compte chez {app} a été changé.'],
      after: ["Ce n'était pas vous ? Alors demandez tout de suite un nouveau mot de passe."],
    },
    email_changed: {
      subject: 'Votre adresse e-mail a été changée',
      paragraphs: [
        "L'adresse de votre compte chez {app} est maintenant {email}. Plus aucun e-mail à son sujet n'arrivera ici.",
      ],
      after: ["Ce n'était pas vous ? Alors prévenez tout de suite l'équipe de {app}."],
    },
    session_reused: {
      subject: 'Nous avons fermé une de vos sessions',
      paragraphs: [
        "Une session de votre compte chez {app} a été utilisée à deux endroits. Quelqu'un l'a peut-être copiée, nous l'avons donc fermée.",
        'Veuillez vous reconnecter.',
      ],
      after: ['Si vous ne connaissez pas cet appareil, changez aussi de mot de passe.'],
    },
  },
}
